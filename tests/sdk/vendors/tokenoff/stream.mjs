import { GoogleGenAI } from "@google/genai";

const ai = new GoogleGenAI({
  apiKey: "your_api_key_here",
  httpOptions: {
    baseUrl: "https://tokenoff.com/api",
  },
});

const response = await ai.models.generateContentStream({
  model: "gemini-2.5-pro",
  contents: "Hello",
});

for await (const event of response) {
  console.log(event);
}
