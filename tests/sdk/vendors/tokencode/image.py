model = genai.GenerativeModel("gemini-2.5-pro")
response = model.generate_content([
    "Describe this image",
    {"inline_data": {"mime_type": "image/png", "data": "<base64-encoded-image>"}}
])
