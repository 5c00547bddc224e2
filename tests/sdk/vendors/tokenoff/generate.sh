curl https://tokenoff.com/api/v1beta/models/gemini-2.5-pro:generateContent \
  -H "Authorization: Bearer your_api_key_here" \
  -H "Content-Type: application/json" \
  -d '{
    "contents": [
      {
        "role": "user",
        "parts": [
          {"text": "Hello"}
        ]
      }
    ]
  }'
