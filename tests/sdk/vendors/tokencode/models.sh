curl "https://tokencode.dev/v1beta/models?key=sk-your-api-key"
