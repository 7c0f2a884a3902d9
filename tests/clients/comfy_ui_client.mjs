// comfy-ui-client as published: every call it has, and a result that is fully reused.
import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import { ComfyUIClient } from "comfy-ui-client";
import { img2img, isPng, within } from "./workflow.mjs";

const client = new ComfyUIClient(new URL(process.env.EASEL_URL).host, "comfy-ui-client-test");
await within(10, client.connect(), "connect");

// What it may ask.
assert.ok(Array.isArray(await client.getEmbeddings()));
assert.ok(Array.isArray(await client.getExtensions()));
assert.equal((await client.getSystemStats()).devices.length, 1);
assert.equal((await client.getPrompt()).exec_info.queue_remaining, 0);
assert.ok((await client.getObjectInfo()).KSampler.input.required.seed);
assert.deepEqual(Object.keys(await client.getObjectInfo("KSampler")), ["KSampler"]);
assert.deepEqual(await client.getQueue().then((q) => [q.queue_running.length, q.queue_pending.length]), [0, 0]);
await assert.rejects(client.viewMetadata("checkpoints", "nothing.safetensors"));

// Upload: stored once, then under another name for other content, then over it.
const input = `${process.env.EASEL_FOLDER}/input`;
const [firstName, secondName] = (await readdir(input)).filter((name) => name.endsWith(".png")).sort();
const first = await readFile(`${input}/${firstName}`), second = await readFile(`${input}/${secondName}`);
assert.deepEqual(await client.uploadImage(first, "up.png"), { name: "up.png", subfolder: "", type: "input" });
assert.equal((await client.uploadImage(first, "up.png")).name, "up.png");
assert.equal((await client.uploadImage(second, "up.png")).name, "up (1).png");
assert.equal((await client.uploadImage(second, "up.png", true)).name, "up.png");
await assert.rejects(client.uploadImage(Buffer.from("no picture"), "bad.png"), /picture|PNG|format/i);
const mask = await client.uploadMask(first, "mask.png", { filename: firstName, subfolder: "", type: "input" });
assert.equal(mask.name, "mask.png");

// A result, saved; then the same again, which is answered from what is known already.
for (let round = 0; round < 6; ++round) {
  const images = await within(120, client.getImages(img2img("up.png")), `getImages, round ${round}`);
  const [{ blob, image }] = images["9"];
  assert.equal(image.type, "output");
  assert.ok(isPng(await blob.arrayBuffer()));
}
const [entry] = Object.values(await client.getHistory());
assert.equal(entry.status.completed, true);

// A prompt that is wrong.
await assert.rejects(client.getImages(img2img("up.png", { steps: 0 })), (error) => {
  const answer = JSON.parse(error.message);
  assert.equal(answer.error.type, "prompt_outputs_failed_validation");
  assert.equal(answer.node_errors["7"].errors[0].type, "value_smaller_than_min");
  return true;
});

// Interrupt a long one.
const { prompt_id } = await client.queuePrompt(img2img("up.png", { seed: 2, steps: 5000 }));
await within(60, (async () => {
  while ((await client.getQueue()).queue_running.length === 0) await new Promise((done) => setTimeout(done, 20));
  await client.interrupt();
  while (!(await client.getHistory(prompt_id))[prompt_id]) await new Promise((done) => setTimeout(done, 20));
})(), "interrupt");
const interrupted = (await client.getHistory(prompt_id))[prompt_id];
assert.equal(interrupted.status.completed, false);
assert.equal(interrupted.status.messages.at(-1)[0], "execution_interrupted");

// History, edited.
await client.editHistory({ delete: [prompt_id] });
assert.equal((await client.getHistory(prompt_id))[prompt_id], undefined);
await client.editHistory({ clear: true });
assert.deepEqual(await client.getHistory(), {});
await client.disconnect();
console.log("comfy-ui-client: all its calls work");
process.exit(0);
