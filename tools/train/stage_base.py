"""The denoiser with its text encoder, on cached latents."""
import time

import numpy as np
import torch

import fast
import stage_latents
import stage_vae
from clip import END, VOCABULARY, Tokenizer, TextEncoder, Words, padded
from data import DEVICE, Drawings, as_pixels, choice, plain
from diffusion import STEPS, ddim, noised, snr_weight
from layers import halve
from loop import Run, save_sheet
from model_file import SHIPPED, begin_with_shipped, shipped
from unet import UNet
from vae import LATENT_SCALE

SHEET = [
    "a red and white lighthouse by the sea, flat illustration",
    "a blue boat with white sails on the sea at sunset, watercolour",
    "a yellow house with a red roof in the snow, pixel art",
    "a green tree in front of mountains, pastel drawing",
    "a blue bowl with red apples and bananas on a brown table, ink drawing",
    "portrait of a person with long brown hair wearing a red hat, flat design",
    "a striped orange cat in front of a blue wall, watercolour",
    "a red car in a city at night, night scene",
    "an orange fish with white stripes underwater, flat illustration",
    "a red mushroom with white dots in a forest, pixel art",
    "purple flowers in a white vase on a brown table, pastel drawing",
    "a red and yellow hot air balloon over hills, flat illustration",
]


def vocabulary(state, config, tokenizer):
    """The small table's words, from the training captions. Later stages must use the same ones, so they are kept."""
    kept = state / "base/words.npy"
    if not kept.exists():
        tokens = {i for entry in Drawings(state / config["data"]["train"]).about if plain(entry)
                  for i in tokenizer(entry["caption"])}
        kept.parent.mkdir(exist_ok=True)
        np.save(kept, np.array(sorted(tokens)))
    return Words(np.load(kept).tolist())


def build(config, words):
    m = config["model"]
    unet = UNet(m["channels"], m["mult"], m["attend"], m["context"], busy=m["busy"]).to(memory_format=torch.channels_last)
    return unet, TextEncoder(words.count, m["context"], m["text_layers"])


class Captions:
    """Captions as rows of the small table [N,77], tokenised once; `batch` disturbs them a little."""

    def __init__(self, captions, tokenizer, words):
        self.tokenizer = tokenizer
        self.ids = [tokenizer(c) for c in captions]
        self.words = words

    def rows(self, ids):
        return self.words.rows[torch.tensor([padded(i) for i in ids])].to(DEVICE)

    def batch(self, numbers, generator, drop, strange):
        """With probability `drop` nothing is said, for guidance; with `strange` words nobody knows stand in between, so
        that prompts may have them."""
        out = []
        for n in numbers:
            ids = list(self.ids[n])
            chance, extra = torch.rand(2, generator=generator).tolist()
            if chance < drop:
                ids = []
            rows = self.words.rows[torch.tensor(padded(ids))]
            if ids and extra < strange:
                count = int(torch.randint(1, 5, (1,), generator=generator))
                for at in torch.randint(1, len(ids) + 2, (count,), generator=generator).tolist():
                    rows = torch.cat([rows[:at], torch.tensor([self.words.unknown]), rows[at:-1]])
                rows[-1] = self.words.rows[END]
            out.append(rows)
        return torch.stack(out).to(DEVICE)


def begin_with_shipped_text(text, words):
    """The same for the text encoder, whose table in the file has a row for every token."""
    if not SHIPPED.exists():
        return
    values = shipped(SHIPPED, "cond_stage_model.transformer.")
    table = "text_model.embeddings.token_embedding.weight"
    stranger = next(i for i in range(VOCABULARY) if i not in set(words.tokens))
    values[table] = values[table][[*words.tokens, stranger]]
    mine = text.state_dict()
    if values.keys() == mine.keys() and all(values[k].shape == mine[k].shape for k in mine):
        text.load_state_dict(values)


def guided(unet, context, nothing, scale):
    def denoise(x, t):
        both = unet(torch.cat([x, x]), torch.cat([t, t]), torch.cat([context, nothing.expand_as(context)]))
        with_text, without = both.chunk(2)
        return without + scale * (with_text - without)
    return denoise


def sample(unet, text, vae, captions, prompts, seed, scale=4.0, steps=20):
    """uint8 [N,128,128,3]."""
    context = text(captions.rows([captions.tokenizer(p) for p in prompts]))
    noise = torch.randn(len(prompts), 4, 16, 16, generator=torch.Generator().manual_seed(seed))
    noise = noise.contiguous(memory_format=torch.channels_last).to(DEVICE)
    z = ddim(guided(unet, context, text(captions.rows([[]])), scale), noise, steps)
    return as_pixels(vae.decode(z / LATENT_SCALE))


def train(config, state):
    c = config["base"]
    tokenizer = Tokenizer()
    words = vocabulary(state, config, tokenizer)
    latents = stage_latents.Latents(state)
    all_captions = Drawings(state / config["data"]["train"]).captions
    captions = Captions([all_captions[n] for n in latents.numbers], tokenizer, words)
    vae = stage_vae.finished(config, state)
    torch.manual_seed(config["seed"])
    unet, text = build(c, words)
    begin_with_shipped(unet, SHIPPED, "model.diffusion_model.")
    begin_with_shipped_text(text, words)
    hold = min(128, len(latents.numbers) // 10)  # the first ones are for checks
    while latents.count <= min(1500, len(latents.numbers) - 1):
        time.sleep(2)
    there = latents.count

    def predict(numbers, generator, timesteps, drop, strange):
        z = latents.maps(numbers).to(DEVICE)
        noise = torch.randn(z.shape, generator=generator).to(DEVICE)
        context = text(captions.batch(numbers, generator, drop, strange))
        error = unet(noised(z, noise, timesteps), timesteps.to(DEVICE), context) - noise
        return error.square().mean((1, 2, 3))

    def loss(step):
        nonlocal there
        if step % 50 == 0:
            there = latents.count
        numbers, generator = choice(config["seed"], step, c["batch"], there - hold)
        numbers = [n + hold for n in numbers]
        timesteps = torch.randint(STEPS, (c["batch"],), generator=generator)
        error = predict(sorted(numbers), generator, timesteps, c["drop"], c["strange"])
        return (error * snr_weight(timesteps).to(DEVICE)).mean(), {"error": float(error.mean())}

    def check(step):
        generator = torch.Generator().manual_seed(1)
        numbers = list(range(hold))
        timesteps = torch.linspace(20, 980, len(numbers)).long()
        error = predict(numbers, generator, timesteps, 0.0, 0.0)
        thirds = [round(float(e.mean()), 4) for e in error.chunk(3)]
        return {"error": round(float(error.mean()), 4), "low, middle and high noise": thirds}

    def sheet(path):
        rows = [sample(unet, text, vae, captions, SHEET, seed) for seed in (1, 2)]
        save_sheet(path, rows)

    return Run("base", state, c, {"unet": unet, "text": text}, loss, check, sheet).train()


def finished(config, state):
    """The trained denoiser and text encoder with averaged parameters, and the words. Where this state folder has trained
    none, those that come with the program."""
    words = vocabulary(state, config, Tokenizer())
    unet, text = build(config["base"], words)
    if not (state / "base/checkpoint.pt").exists():
        begin_with_shipped(unet, SHIPPED, "model.diffusion_model.")
        begin_with_shipped_text(text, words)
        return unet.to(DEVICE).eval(), text.to(DEVICE).eval(), words
    content = torch.load(state / "base/checkpoint.pt", map_location="cpu")
    both = torch.nn.ModuleDict({"unet": unet, "text": text})
    both.load_state_dict(content["modules"])
    with torch.no_grad():
        for p, value in zip((p for p in both.parameters() if p.requires_grad), content["average"]):
            p.copy_(value)
    return unet.to(DEVICE).eval(), text.to(DEVICE).eval(), words


class Frozen:
    """The denoiser and text encoder for stages that train beside them: `refresh` takes over what the base's own training
    has reached meanwhile."""

    def __init__(self, config, state):
        self.config, self.state = config, state
        self.unet, self.text, self.words = finished(config, state)
        for network in (self.unet, self.text):
            network.requires_grad_(False)
        if fast.half():
            halve(self.unet)
        self.read = self.time()

    def time(self):
        file = self.state / "base/checkpoint.pt"
        return file.stat().st_mtime if file.exists() else 0.0

    def refresh(self, step, every=50):
        if step % every == 0 and self.time() > self.read:
            self.read = self.time()
            unet, text, _ = finished(self.config, self.state)
            self.unet.load_state_dict(unet.state_dict())
            self.text.load_state_dict(text.state_dict())
