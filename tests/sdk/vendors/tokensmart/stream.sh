curl https://api.tokensmart.ai/v1beta/models/gemini-3.5-flash:streamGenerateContent?alt=sse \
  -H "Authorization: Bearer pk_live_xxxxxxxxxxxxxxxx" \
  -H "Content-Type: application/json" \
  -d '{
    "contents": [{ "parts": [{ "text": "Tell me a one-sentence story." }] }],
    "generationConfig": { "maxOutputTokens": 1024 }
  }'
