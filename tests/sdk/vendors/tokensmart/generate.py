from google import genai

client = genai.Client(
    api_key="pk_live_xxxxxxxxxxxxxxxx",
    http_options={"base_url": "https://api.tokensmart.ai"},
)

response = client.models.generate_content(
    model="gemini-3.5-flash",
    contents="Hi",
)
print(response.text)
