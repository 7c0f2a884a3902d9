// @stable-canvas/comfyui-client as published: workflows it builds itself, with pictures that come in as base64 texts and
// go out over the WebSocket, never through a file.
import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import { BasePipe, Client } from "@stable-canvas/comfyui-client";
import WebSocket from "ws";
import { img2img, isPng, within } from "./workflow.mjs";

const checkpoint = "v1-5-pruned-emaonly.safetensors";
const client = new Client({ api_host: new URL(process.env.EASEL_URL).host, WebSocket, fetch });
assert.equal(await within(10, client.connect(), "connect"), true);

// What it may ask.
assert.ok((await client.getSystemStats()).devices.length > 0);
assert.deepEqual(await client.getQueue(), { Running: [], Pending: [] });
assert.ok((await client.getSamplers()).includes("dpmpp_2m"));
assert.ok((await client.getSchedulers()).includes("karras"));
assert.deepEqual(await client.getSDModels(), [checkpoint]);
for (const list of ["getVAEs", "getLoRAs", "getCNetModels", "getUpscaleModels", "getHyperNetworks"])
  assert.ok(Array.isArray(await client[list]()), list);

// A workflow of ours, waited for both ways it has.
const input = `${process.env.EASEL_FOLDER}/input`;
const name = (await readdir(input)).filter((file) => file.endsWith(".png")).sort()[0];
const steps = [];
const pushed = await within(120, client.enqueue(img2img(name, { steps: 3 }), { progress: (p) => steps.push(p) }), "enqueue");
assert.deepEqual([steps.at(-1).value, steps.at(-1).max], [3, 3]);
assert.match(pushed.images.at(-1).data, /\/view\?filename=/);
const polled = await within(120, client.enqueue_polling(img2img(name, { steps: 3, seed: 5 })), "enqueue_polling");
assert.ok(isPng(await (await fetch(polled.images[0].data)).arrayBuffer()));

// Its own workflows end in SaveImageWebsocket: the last picture is the finished one, of the size that was asked for.
const sizeOf = (png) => (assert.ok(isPng(png)), [png.readUInt32BE(16), png.readUInt32BE(20)]);
const finished = (images) => sizeOf(Buffer.from(images.at(-1).data));
const pipe = () => new BasePipe().with(client).model(checkpoint).prompt("a barn").negative("fog").steps(2).cfg(4);
const drawn = await within(120, pipe().size(64, 128).save().wait(), "text to image");
assert.deepEqual(finished(drawn.images), [64, 128]);
const picture = await readFile(`${input}/${name}`);
const over = await within(120, pipe().image(picture).denoise(0.5).save().wait(), "image to image");
assert.deepEqual(finished(over.images), sizeOf(picture));
assert.deepEqual((await readdir(`${process.env.EASEL_FOLDER}/output`)).filter((file) => /^ComfyUI/.test(file)), []);

// What is wrong.
await assert.rejects(client.enqueue(img2img(name, { steps: 0 })), /400/);
// With the prompt, before anything is computed; but a front end of a fleet that has no models of its own checks names and
// values only (docs/fleet.md), and what else is wrong ends the job, with the same words.
const { shared } = await (await fetch(`${process.env.EASEL_URL}/fleet`)).json();
await assert.rejects(within(60, pipe().image(Buffer.from("no picture")).size(64, 64).save().wait(), "no picture"), (error) => {
  if (!shared) assert.match(JSON.stringify(error.json), /image - is not a picture/);
  else {
    assert.match(error.payload?.exception_message ?? String(error), /image - is not a picture/);
    assert.equal(error.payload.node_type, "ETN_LoadImageBase64");
  }
  return true;
});
await client.free({ unload_models: true, free_memory: true });
await client.interrupt();
client.close();
console.log("@stable-canvas/comfyui-client: all its flows work");
process.exit(0);
