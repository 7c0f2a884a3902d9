"""The picture encoder, trained so that a drawing and its caption get the same direction."""
import torch
import torch.nn.functional as F

import stage_base
from clip import Tokenizer, Vision
from data import DEVICE, Drawings, choice
from loop import Run
from model_file import begin_with_shipped

THUMBNAIL = 4


def build(config):
    m = config["vision"]["model"]
    return Vision(m["width"], m["patch"], 128, m["projection"], m["busy"])


def pooled(text, captions, ids, batch=64):
    """[N,width]: the text encoder's state at the first end mark of each caption."""
    out = []
    with torch.no_grad():
        for i in range(0, len(ids), batch):
            part = ids[i:i + batch]
            states = text(captions.rows(part))
            out.append(torch.stack([s[min(len(k) + 1, 76)] for s, k in zip(states, part)]))
    return torch.cat(out)


def head(config):
    """Maps the text's pooled state to the embeds' space: what CLIP calls the text projection."""
    m = config["vision"]["model"]
    return torch.nn.Linear(config["base"]["model"]["context"], m["projection"], bias=False)


def nearest(pictures, words):
    """For each picture the index of the word with the nearest direction."""
    return (F.normalize(pictures, dim=-1) @ F.normalize(words, dim=-1).T).argmax(-1)


def accuracy(vision, project, text, captions, drawings, numbers):
    """Share of drawings whose subject, style and colour is the nearest of all that there are, by captions that say only
    that; colour among captions that name the right subject."""
    embeds = torch.cat([vision(drawings.pictures(numbers[i:i + 32]))[0] for i in range(0, len(numbers), 32)])
    about = [drawings.about[n] for n in numbers]
    embed = lambda lines: project(pooled(text, captions, [captions.tokenizer(line) for line in lines]))
    out = {}
    subjects = sorted({a["subject"] for a in drawings.about})
    found = nearest(embeds, embed([f"a {s}" for s in subjects]))
    out["subject"] = sum(subjects[i] == a["subject"] for i, a in zip(found, about)) / len(about)
    styles = {"flat": "flat illustration", "ink": "ink drawing", "watercolour": "watercolour painting", "pixel": "pixel art",
              "night": "night scene", "pastel": "pastel drawing"}
    found = nearest(embeds, embed(list(styles.values())))
    out["style"] = sum(list(styles)[i] == a["style"] for i, a in zip(found, about)) / len(about)
    colours = sorted({a["colour"] for a in drawings.about})
    right = 0
    for subject in subjects:
        mine = [i for i, a in enumerate(about) if a["subject"] == subject]
        if mine:
            found = nearest(embeds[mine], embed([f"a {c} {subject}" for c in colours]))
            right += sum(colours[k] == about[i]["colour"] for k, i in zip(found, mine))
    out["colour"] = right / len(about)
    return {key: round(value, 3) for key, value in out.items()}


def train(config, state):
    c, data = config["vision"], config["data"]
    drawings, held_out = Drawings(state / data["train"]), Drawings(state / data["held_out"])
    _, text, words = stage_base.finished(config, state)
    captions = stage_base.Captions(drawings.captions, Tokenizer(), words)
    about_texts = pooled(text, captions, captions.ids)
    torch.manual_seed(config["seed"])
    vision, project = build(config), head(config)
    begin_with_shipped(vision, "clip_vision/easel-small-vision.safetensors")
    # A few colours in a few places can be read from the embeds as well: an IP-Adapter must pass on more than words say.
    thumbnail = torch.nn.Linear(c["model"]["projection"], 3 * THUMBNAIL ** 2)
    scale = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.constant_(scale.weight, 2.5)

    def loss(step):
        numbers, _ = choice(config["seed"] + 1, step, c["batch"], len(drawings))
        x = drawings.pictures(numbers)
        embeds, _ = vision(x)
        texts = project(about_texts[numbers])
        alike = F.normalize(embeds, dim=-1) @ F.normalize(texts, dim=-1).T * scale.weight.exp().clamp(max=60)
        which = torch.arange(len(numbers), device=DEVICE)
        matching = (F.cross_entropy(alike, which) + F.cross_entropy(alike.T, which)) / 2
        colours = F.mse_loss(thumbnail(embeds), F.adaptive_avg_pool2d(x, THUMBNAIL).flatten(1))
        right = (alike.argmax(1) == which).float().mean()
        return matching + c["thumbnail"] * colours, {"matching": float(matching), "right": float(right),
                                                     "thumbnail": float(colours)}

    def check(step):
        return accuracy(vision, project, text, captions, held_out, list(range(min(300, len(held_out)))))

    modules = {"vision": vision, "project": project, "thumbnail": thumbnail, "scale": scale}
    return Run("vision", state, c, modules, loss, check, lambda path: None).train()


def finished(config, state):
    """The trained encoder with averaged parameters, and the text's projection."""
    vision, project = build(config), head(config)
    content = torch.load(state / "vision/checkpoint.pt", map_location="cpu")
    both = torch.nn.ModuleDict({"vision": vision, "project": project})
    values = {k: v for k, v in content["modules"].items() if k.split(".")[0] in both}
    both.load_state_dict(values)
    with torch.no_grad():
        for p, value in zip((p for p in both.parameters() if p.requires_grad), content["average"]):
            p.copy_(value)
    return both.to(DEVICE).eval().requires_grad_(False)
