from google import genai

client = genai.Client(
    api_key="your_api_key_here",
    http_options=genai.types.HttpOptions(
        base_url="https://tokenoff.com/api",
    ),
)

response = client.models.generate_content(
    model="gemini-2.5-pro",
    contents="Hello",
)

print(response.text)
