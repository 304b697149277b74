// The Vercel AI SDK's own providers, pointed at a running Packhouse. PACKHOUSE_DEMO is the demo's JSON.
import assert from "node:assert/strict";
import test from "node:test";

import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { APICallError, embed, embedMany, generateObject, generateText, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";

const demo = JSON.parse(process.env.PACKHOUSE_DEMO);
const text = demo.keys.text;

const models = {
  openai: createOpenAI({ baseURL: demo.openai_base_url, apiKey: text }).chat("default"),
  "openai-compatible": createOpenAICompatible({
    name: "packhouse", baseURL: demo.openai_base_url, apiKey: text, includeUsage: true, supportsStructuredOutputs: true,
  })("default"),
  anthropic: createAnthropic({ baseURL: `${demo.anthropic_base_url}/v1`, apiKey: text })("default"),
};
const weather = () => tool({
  description: "Get the weather at a location.",
  inputSchema: z.object({ location: z.string() }),
  execute: async () => "It's sunny.",
});
const PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

for (const [name, model] of Object.entries(models)) {
  test(`${name}: a text with usage`, async () => {
    const answer = await generateText({ model, prompt: "Good morning, harbour", maxOutputTokens: 100 });
    assert.match(answer.text, /Good morning, harbour/);
    assert.equal(answer.finishReason, "stop");
    assert.ok(answer.usage.inputTokens > 0 && answer.usage.outputTokens > 0);
  });

  test(`${name}: a stream`, async () => {
    const answer = streamText({ model, prompt: "one two three four five six", maxOutputTokens: 100 });
    let pieces = 0;
    let said = "";
    for await (const piece of answer.textStream) {
      pieces += 1;
      said += piece;
    }
    assert.match(said, /one two three four five six/);
    assert.ok(pieces > 1, `it came in ${pieces} piece`);
    assert.ok((await answer.usage).outputTokens > 0);
    assert.equal(await answer.finishReason, "stop");
  });

  test(`${name}: a tool is called and its result is answered from`, async () => {
    const answer = await generateText({
      model, prompt: "What is the weather in San Francisco, CA?", tools: { get_weather: weather() },
      stopWhen: stepCountIs(3), maxOutputTokens: 200,
    });
    assert.equal(answer.steps[0].toolCalls[0].toolName, "get_weather");
    assert.deepEqual(answer.steps[0].toolCalls[0].input, { location: "San Francisco, CA" });
    assert.match(answer.text, /sunny/);
  });

  test(`${name}: a tool is called in a stream`, async () => {
    const answer = streamText({
      model, prompt: "What is the weather in San Francisco, CA?", tools: { get_weather: weather() },
      stopWhen: stepCountIs(3), maxOutputTokens: 200,
    });
    assert.match(await answer.text, /sunny/);
    assert.equal((await answer.steps)[0].toolCalls[0].toolName, "get_weather");
  });

  test(`${name}: an object that fits a schema`, async () => {
    const answer = await generateObject({
      model, schema: z.object({ city: z.string(), people: z.number() }), prompt: "A city, please", maxOutputTokens: 200,
    });
    assert.equal(typeof answer.object.city, "string");
    assert.equal(typeof answer.object.people, "number");
  });

  test(`${name}: an image`, async () => {
    const answer = await generateText({
      model, maxOutputTokens: 100,
      messages: [{ role: "user", content: [
        { type: "text", text: "What is on it?" },
        { type: "image", image: Buffer.from(PNG, "base64"), mediaType: "image/png" },
      ] }],
    });
    assert.match(answer.text, /What is on it/);
  });

  test(`${name}: a system text and a conversation`, async () => {
    const answer = await generateText({
      model, system: "Be brief.", maxOutputTokens: 100,
      messages: [
        { role: "user", content: "My name is Ada." },
        { role: "assistant", content: "Hello Ada." },
        { role: "user", content: "Say it again, please" },
      ],
    });
    assert.match(answer.text, /Say it again, please/);
  });
}

test("a wrong key is the SDK's own error, not tried again", async () => {
  const model = createOpenAI({ baseURL: demo.openai_base_url, apiKey: "phk_wrong" }).chat("default");
  await assert.rejects(generateText({ model, prompt: "Hello" }), (error) => {
    assert.ok(APICallError.isInstance(error), String(error));
    assert.equal(error.statusCode, 401);
    assert.equal(error.isRetryable, false);
    return true;
  });
});

test("embeddings, one and many", async () => {
  const model = createOpenAI({ baseURL: demo.openai_base_url, apiKey: demo.keys.embeddings }).embedding("default");
  const one = await embed({ model, value: "a text" });
  assert.ok(one.embedding.length > 0);
  const many = await embedMany({ model, values: ["a text", "another text"] });
  assert.equal(many.embeddings.length, 2);
  const apart = many.embeddings[0].map((value, place) => Math.abs(value - one.embedding[place]));
  assert.ok(Math.max(...apart) < 1e-4);
});
