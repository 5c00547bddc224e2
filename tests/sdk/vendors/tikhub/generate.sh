curl --location --request POST 'https://ai.tikhub.io/v1beta/models/gemini-2.5-flash:generateContent' \
--header 'x-goog-api-key: <api-key>' \
--header 'Content-Type: application/json' \
--data-raw '{
    "contents": [
        {
            "role": "user",
            "parts": [
                {
                    "text": "Hi, what model are you?"
                }
            ]
        }
    ],
    "generationConfig": {
        "temperature": 0.7,
        "maxOutputTokens": 1024
    }
}'
