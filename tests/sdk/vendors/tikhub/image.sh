curl --location --request POST 'https://ai.tikhub.io/v1beta/models/gemini-2.5-flash-image-preview:generateContent' \
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
        "responseModalities": ["image", "text"]
    }
}'
