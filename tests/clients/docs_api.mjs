// The examples of docs/api.md, run as they stand there, against this server instead of the default address.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { img2img, isPng } from "./workflow.mjs";

const root = process.env.EASEL_FOLDER, url = process.env.EASEL_URL;
const picture = readdirSync(`${root}/input`).filter((name) => name.endsWith(".png"))[0];
const text = readFileSync(process.env.EASEL_DOCS + "/api.md", "utf8");
const blocks = [...text.matchAll(/```(sh|js|python)\n([\s\S]*?)```/g)].map(([, language, code]) => ({ language, code }));
assert.deepEqual(blocks.map((block) => block.language), ["sh", "sh", "js", "python"]);

let number = 0;
for (const { language, code } of blocks) {
  const folder = `${root}/example-${++number}`;
  mkdirSync(folder);
  writeFileSync(`${folder}/workflow.json`, JSON.stringify(img2img(picture, { seed: number })));
  writeFileSync(`${folder}/picture.png`, readFileSync(`${root}/input/${picture}`));
  const program = code.replaceAll("http://127.0.0.1:8188", url);
  let command;
  if (language === "sh") {
    command = ["bash", ["-euo", "pipefail", "-c", program]];
  } else if (language === "js") {
    // Node.js has had WebSocket only since version 22; the clients bring one along.
    const older = globalThis.WebSocket ? "" : 'globalThis.WebSocket = (await import("ws")).default;\n';
    writeFileSync(`${folder}/example.mjs`, older + program);
    command = [process.execPath, ["example.mjs"]];
  } else {
    if (spawnSync("python3", ["--version"]).status !== 0) {
      console.log("python3 is not installed: its example was left out");
      continue;
    }
    command = ["python3", ["-c", program]];
  }
  const run = spawnSync(...command, { cwd: folder, encoding: "utf8", timeout: 120000 });
  assert.equal(run.status, 0, `${language}: ${run.stderr}\n${run.stdout}`);
  const pictures = readdirSync(folder).filter((name) => name.endsWith(".png") && name !== "picture.png");
  if (language === "sh") assert.ok(isPng(readFileSync(`${folder}/picture.png`)));
  else assert.equal(pictures.length, 1, `${language} saved ${pictures}`);
}
console.log("docs/api.md: all examples work");
