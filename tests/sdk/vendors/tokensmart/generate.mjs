import { GoogleGenAI } from "@google/genai";

const ai = new GoogleGenAI({
  apiKey: "pk_live_xxxxxxxxxxxxxxxx",
  httpOptions: { baseUrl: "https://api.tokensmart.ai" },
});

const response = await ai.models.generateContent({
  model: "gemini-3.5-flash",
  contents: "Hello",
});
console.log(response.text);
