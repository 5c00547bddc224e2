curl https://api.tokensmart.ai/v1beta/models/gemini-3.5-flash:generateContent \
  -H "Authorization: Bearer pk_live_xxxxxxxxxxxxxxxx" \
  -H "Content-Type: application/json" \
  -d '{
    "contents": [{ "parts": [{ "text": "..." }] }],
    "generationConfig": {
      "maxOutputTokens": 2048,
      "thinkingConfig": {
        "thinkingBudget": 1024
      }
    }
  }'
