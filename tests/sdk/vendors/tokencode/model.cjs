const { GoogleGenerativeAI } = require("@google/generative-ai");

const genAI = new GoogleGenerativeAI("sk-your-api-key");

// Set custom base URL
const model = genAI.getGenerativeModel({ model: "gemini-2.5-pro" });
