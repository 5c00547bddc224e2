curl https://tokencode.dev/v1/models \
  -H "Authorization: Bearer sk-your-api-key"
