// What stands in a room, sits for its portrait, or swims.
#include <cmath>
#include <string_view>

#include "synth/drawings/scene.h"

namespace easel::synth {
namespace {

std::string listed(const std::vector<std::string>& things) {
  std::string out;
  for (size_t i = 0; i < things.size(); ++i) out += (i == 0 ? "" : i + 1 == things.size() ? " and " : ", ") + things[i];
  return out;
}

void draw_apple(Sketch& sketch, Point at, float size, Colour colour) {
  sketch.disc(at, size, Paint(colour).round(0.8f));
  sketch.line({{at.x, at.y + size * 0.8f}, {at.x + size * 0.2f, at.y + size * 1.35f}}, size * 0.10f,
              Paint({0.36f, 0.24f, 0.14f}));
  sketch.ellipse({at.x + size * 0.45f, at.y + size * 1.15f}, size * 0.32f, size * 0.14f, Paint({0.30f, 0.55f, 0.22f}),
                 -0.4f);
}

void draw_pear(Sketch& sketch, Point at, float size, Colour colour) {
  sketch.blob({{at.x - size * 0.95f, at.y - size * 0.2f},
               {at.x - size * 0.35f, at.y + size * 0.8f},
               {at.x, at.y + size * 1.5f},
               {at.x + size * 0.35f, at.y + size * 0.8f},
               {at.x + size * 0.95f, at.y - size * 0.2f},
               {at.x, at.y - size}},
              Paint(colour).round(0.8f));
  sketch.line({{at.x, at.y + size * 1.4f}, {at.x + size * 0.15f, at.y + size * 1.85f}}, size * 0.10f,
              Paint({0.36f, 0.24f, 0.14f}));
}

void draw_grapes(Sketch& sketch, Point at, float size, Colour colour) {
  for (int row = 0; row < 4; ++row)
    for (int i = 0; i <= 3 - row; ++i)
      sketch.disc({at.x + (static_cast<float>(i) - static_cast<float>(3 - row) / 2) * size * 0.62f,
                   at.y + size * 0.7f - static_cast<float>(row) * size * 0.5f},
                  size * 0.36f, Paint(colour).round(0.9f));
}

void draw_banana(Sketch& sketch, Point at, float size, Colour colour) {
  sketch.blob({{at.x - size * 1.5f, at.y + size * 1.2f},
               {at.x - size * 1.2f, at.y + size * 0.2f},
               {at.x, at.y - size * 0.35f},
               {at.x + size * 1.3f, at.y + size * 0.1f},
               {at.x + size * 1.5f, at.y + size * 0.5f},
               {at.x, at.y + size * 0.35f},
               {at.x - size * 0.9f, at.y + size * 0.7f}},
              Paint(colour).round(0.6f));
  sketch.disc({at.x - size * 1.48f, at.y + size * 1.2f}, size * 0.13f, Paint({0.35f, 0.26f, 0.12f}));
}

}  // namespace

Subject draw_bowl(Sketch& sketch, Random& random, const Frame& frame) {
  sketch.stand(frame);
  sketch.ellipse({0, 0.01f}, 0.50f, 0.05f, Paint({0.12f, 0.10f, 0.12f}, Surface::kAir).sheer(0.35f));
  const NamedColour bowl = any_colour(random, {"white", "blue", "red", "green", "brown", "yellow", "purple", "black"});
  sketch.ellipse({0, 0.40f}, 0.60f, 0.10f, Paint(darker(bowl.colour, 0.35f)));
  struct Fruit {
    std::string words;
    int kind;  // apple, orange, pear, grapes, banana
    Colour colour;
  };
  std::vector<Fruit> fruits;
  const int kinds = random.whole(1, 3), first = random.index(5);
  for (int i = 0; i < kinds; ++i) {
    const int kind = (first + i * random.whole(1, 2)) % 5;
    bool twice = false;
    for (const Fruit& f : fruits) twice = twice || f.kind == kind;
    if (twice) continue;
    if (kind == 0) {
      const NamedColour c = any_colour(random, {"red", "green"});
      fruits.push_back({std::string(c.word) + " apples", 0, c.colour});
    } else if (kind == 1) {
      fruits.push_back({"oranges", 1, colour_called("orange", random).colour});
    } else if (kind == 2) {
      const NamedColour c = any_colour(random, {"green", "yellow"});
      fruits.push_back({"pears", 2, mix(c.colour, {0.75f, 0.78f, 0.30f}, 0.6f)});
    } else if (kind == 3) {
      const NamedColour c = any_colour(random, {"purple", "green"});
      fruits.push_back({std::string(c.word) + " grapes", 3,
                        c.word[0] == 'g' ? mix(c.colour, {0.7f, 0.85f, 0.4f}, 0.5f) : darker(c.colour, 0.15f)});
    } else {
      fruits.push_back({"bananas", 4, colour_called("yellow", random).colour});
    }
  }
  const Point places[] = {{-0.30f, 0.55f}, {0.28f, 0.56f}, {0.0f, 0.72f},
                          {-0.42f, 0.44f}, {0.42f, 0.44f}, {0.02f, 0.50f}};
  const int start = random.index(static_cast<int>(fruits.size()));
  for (int i = 0; i < 6; ++i) {
    const Fruit& fruit = fruits[static_cast<size_t>(start + i) % fruits.size()];
    const Point at{places[i].x + random.real(-0.03f, 0.03f), places[i].y + random.real(-0.02f, 0.02f)};
    if (fruit.kind == 0) draw_apple(sketch, at, 0.155f, fruit.colour);
    if (fruit.kind == 1) sketch.disc(at, 0.16f, Paint(fruit.colour).round(0.8f));
    if (fruit.kind == 2) draw_pear(sketch, at, 0.135f, fruit.colour);
    if (fruit.kind == 3) draw_grapes(sketch, at, 0.18f, fruit.colour);
    if (fruit.kind == 4) draw_banana(sketch, at, 0.16f, fruit.colour);
  }
  const int body = sketch.polygon({{-0.60f, 0.40f},
                                   {-0.52f, 0.22f},
                                   {-0.36f, 0.08f},
                                   {-0.20f, 0.03f},
                                   {-0.20f, 0.0f},
                                   {0.20f, 0.0f},
                                   {0.20f, 0.03f},
                                   {0.36f, 0.08f},
                                   {0.52f, 0.22f},
                                   {0.60f, 0.40f},
                                   {0.3f, 0.335f},
                                   {0, 0.31f},
                                   {-0.3f, 0.335f}},
                                  Paint(bowl.colour).round(0.8f));
  if (random.chance(0.35f)) {
    sketch.cut_to(body);
    sketch.box({-0.6f, 0.15f}, {0.6f, 0.20f}, Paint(lighter(bowl.colour, bowl.word[0] == 'w' ? 0.0f : 0.6f)));
    sketch.cut_to(-1);
  }
  std::vector<std::string> names;
  for (const Fruit& f : fruits) names.push_back(f.words);
  Subject out{"bowl", std::string(bowl.word) + " bowl of fruit", {"with " + listed(names)}, bowl.word};
  if (random.chance(0.4f)) {
    out.noun = std::string(bowl.word) + " bowl with " + listed(names);
    out.details.clear();
  }
  return out;
}

Subject draw_flowers(Sketch& sketch, Random& random, const Frame& frame) {
  sketch.stand(frame);
  sketch.ellipse({0, 0.01f}, 0.22f, 0.035f, Paint({0.12f, 0.10f, 0.12f}, Surface::kAir).sheer(0.35f));
  const NamedColour vase = any_colour(random, {"white", "blue", "green", "red", "brown", "yellow", "purple", "black"});
  const NamedColour petal = any_colour(random, {"red", "yellow", "pink", "purple", "orange", "white", "blue"});
  const Paint stem({0.28f, 0.52f, 0.24f});
  const int count = random.whole(3, 6);
  std::vector<Point> heads;
  for (int i = 0; i < count; ++i) {
    const float across = count == 1 ? 0 : static_cast<float>(i) / static_cast<float>(count - 1) * 2 - 1;
    heads.push_back(
        {across * 0.36f + random.real(-0.03f, 0.03f), 0.86f - 0.14f * across * across + random.real(-0.07f, 0.05f)});
    sketch.curve({{across * 0.05f, 0.36f}, {across * 0.18f, 0.58f}, heads.back()}, 0.014f, stem);
    sketch.ellipse({across * 0.24f, 0.60f}, 0.085f, 0.030f, stem, -across * 1.0f + 0.5f);
  }
  const int petals = random.whole(5, 8);
  const float reach = random.real(0.07f, 0.095f);
  const Colour heart =
      std::string_view(petal.word) == "yellow" ? Colour{0.50f, 0.30f, 0.12f} : Colour{0.97f, 0.80f, 0.22f};
  for (const Point head : heads) {
    const float turned = random.real(0, 1);
    for (int k = 0; k < petals; ++k) {
      const float turn = 6.283f * (static_cast<float>(k) + turned) / static_cast<float>(petals);
      sketch.ellipse({head.x + reach * 0.8f * std::cos(turn), head.y + reach * 0.8f * std::sin(turn)}, reach * 0.72f,
                     reach * 0.42f, Paint(petal.colour).round(0.3f), -turn);
    }
    sketch.disc(head, reach * 0.42f, Paint(heart));
  }
  const float belly = random.real(0.15f, 0.22f), neck = random.real(0.08f, 0.13f);
  sketch.blob({{-0.11f, 0.0f},
               {-belly, 0.16f},
               {-neck, 0.34f},
               {-neck * 1.15f, 0.42f},
               {neck * 1.15f, 0.42f},
               {neck, 0.34f},
               {belly, 0.16f},
               {0.11f, 0.0f}},
              Paint(vase.colour).round(0.8f));
  Subject out{"flowers", "", {}, petal.word};
  out.noun = std::string(petal.word) + " flowers in a " + vase.word + " vase";
  return out;
}

Subject draw_cat(Sketch& sketch, Random& random, const Frame& frame) {
  sketch.stand(frame);
  const NamedColour fur = any_colour(random, {"orange", "black", "white", "grey", "brown"});
  const bool striped = fur.word[0] != 'b' && fur.word[0] != 'w' && random.chance(0.5f);
  const Colour stripe = darker(fur.colour, 0.35f), pale = lighter(fur.colour, fur.word[1] == 'l' ? 0.18f : 0.55f);
  const NamedColour eye = any_colour(random, {"green", "yellow", "blue"});
  sketch.ellipse({0.02f, 0.01f}, 0.42f, 0.045f, Paint({0.12f, 0.10f, 0.12f}, Surface::kAir).sheer(0.35f));
  sketch.curve({{0.22f, 0.08f}, {0.44f, 0.12f}, {0.48f, 0.34f}, {0.38f, 0.48f}}, 0.045f,
               Paint(darker(fur.colour, 0.08f)));
  const int body = sketch.blob({{-0.27f, 0.0f},
                                {-0.27f, 0.22f},
                                {-0.16f, 0.50f},
                                {0.0f, 0.60f},
                                {0.16f, 0.50f},
                                {0.27f, 0.22f},
                                {0.27f, 0.0f},
                                {0, -0.01f}},
                               Paint(fur.colour).round());
  if (striped) {
    sketch.cut_to(body);
    for (const float y : {0.18f, 0.29f, 0.40f})
      for (const float side : {-1.0f, 1.0f})
        sketch.line({{side * 0.30f, y + 0.02f}, {side * 0.15f, y - 0.02f}}, 0.020f, Paint(stripe));
    sketch.cut_to(-1);
  }
  sketch.ellipse({0, 0.26f}, 0.105f, 0.20f, Paint(pale));
  for (const float side : {-1.0f, 1.0f}) sketch.ellipse({side * 0.11f, 0.035f}, 0.09f, 0.05f, Paint(pale));
  for (const float side : {-1.0f, 1.0f}) {
    sketch.polygon({{side * 0.25f, 0.80f}, {side * 0.24f, 1.02f}, {side * 0.07f, 0.90f}}, Paint(fur.colour));
    sketch.polygon({{side * 0.215f, 0.83f}, {side * 0.21f, 0.96f}, {side * 0.11f, 0.89f}},
                   Paint({0.92f, 0.62f, 0.62f}, Surface::kAir));
  }
  const int head = sketch.ellipse({0, 0.74f}, 0.27f, 0.215f, Paint(fur.colour).round());
  if (striped) {
    sketch.cut_to(head);
    for (const float x : {-0.09f, 0.0f, 0.09f}) sketch.line({{x, 0.97f}, {x * 0.8f, 0.86f}}, 0.018f, Paint(stripe));
    sketch.cut_to(-1);
  }
  sketch.ellipse({0, 0.655f}, 0.12f, 0.085f, Paint(pale, Surface::kAir));
  for (const float side : {-1.0f, 1.0f}) {
    sketch.ellipse({side * 0.115f, 0.775f}, 0.058f, 0.062f, Paint(lighter(eye.colour, 0.25f)));
    sketch.ellipse({side * 0.115f, 0.775f}, 0.020f, 0.052f, Paint({0.06f, 0.06f, 0.08f}, Surface::kAir));
    for (const float up : {-0.03f, 0.02f})
      sketch.line({{side * 0.10f, 0.665f}, {side * 0.34f, 0.665f + up}}, 0.006f,
                  Paint(fur.word[1] == 'l' ? Colour{0.8f, 0.8f, 0.8f} : Colour{0.25f, 0.22f, 0.22f}, Surface::kAir));
  }
  sketch.polygon({{-0.03f, 0.705f}, {0.03f, 0.705f}, {0, 0.67f}}, Paint({0.88f, 0.45f, 0.48f}, Surface::kAir));
  sketch.curve({{-0.06f, 0.635f}, {-0.03f, 0.62f}, {0, 0.655f}, {0.03f, 0.62f}, {0.06f, 0.635f}}, 0.008f,
               Paint({0.25f, 0.15f, 0.15f}, Surface::kAir));
  Subject out{"cat", std::string(striped ? "striped " : "") + fur.word + " cat", {}, fur.word};
  if (random.chance(0.35f)) {
    const NamedColour collar = any_colour(random, {"red", "blue", "green", "yellow"});
    sketch.curve({{-0.15f, 0.555f}, {0, 0.52f}, {0.15f, 0.555f}}, 0.022f, Paint(collar.colour));
    sketch.disc({0, 0.495f}, 0.024f, Paint({0.95f, 0.80f, 0.30f}));
    out.details.push_back(std::string("with a ") + collar.word + " collar");
  }
  out.details.push_back(std::string("with ") + eye.word + " eyes");
  return out;
}

Subject draw_portrait(Sketch& sketch, Random& random, const Frame& frame) {
  sketch.stand(frame);
  const Colour skin = mix({0.98f, 0.82f, 0.70f}, {0.42f, 0.27f, 0.19f},
                          random.pick({0.0f, 0.12f, 0.4f, 0.75f, 0.95f}) + random.real(0, 0.05f));
  const NamedColour hair = any_colour(random, {"black", "brown", "yellow", "red", "grey", "white", "orange"});
  const NamedColour shirt =
      any_colour(random, {"red", "blue", "green", "yellow", "purple", "white", "black", "orange", "pink"});
  const Colour strands = hair.word[0] == 'y'   ? Colour{0.93f, 0.76f, 0.38f}
                         : hair.word[0] == 'r' ? Colour{0.68f, 0.22f, 0.12f}
                                               : hair.colour;
  const bool lengthy = random.chance(0.5f), glasses = random.chance(0.25f), hat = random.chance(0.28f),
             beard = !lengthy && random.chance(0.4f);
  const bool curly = random.chance(0.3f);
  if (lengthy)
    sketch.blob({{-0.27f, 0.78f},
                 {-0.33f, 0.50f},
                 {-0.34f, 0.24f},
                 {-0.15f, 0.22f},
                 {0.15f, 0.22f},
                 {0.34f, 0.24f},
                 {0.33f, 0.50f},
                 {0.27f, 0.78f},
                 {0, 0.98f}},
                Paint(darker(strands, 0.12f)).round(0.4f));
  sketch.blob({{-0.62f, -0.1f},
               {-0.56f, 0.14f},
               {-0.36f, 0.26f},
               {-0.10f, 0.31f},
               {0.10f, 0.31f},
               {0.36f, 0.26f},
               {0.56f, 0.14f},
               {0.62f, -0.1f}},
              Paint(shirt.colour).round());
  sketch.polygon({{-0.10f, 0.24f}, {0.10f, 0.24f}, {0.095f, 0.46f}, {-0.095f, 0.46f}}, Paint(darker(skin, 0.15f)));
  sketch.ellipse({0, 0.255f}, 0.105f, 0.05f, Paint(darker(skin, 0.10f), Surface::kAir));
  for (const float side : {-1.0f, 1.0f})
    sketch.ellipse({side * 0.235f, 0.62f}, 0.04f, 0.065f, Paint(darker(skin, 0.06f)));
  sketch.ellipse({0, 0.62f}, 0.235f, 0.285f, Paint(skin).round(0.5f));
  if (beard) {
    sketch.blob({{-0.235f, 0.62f},
                 {-0.20f, 0.44f},
                 {-0.09f, 0.32f},
                 {0.09f, 0.32f},
                 {0.20f, 0.44f},
                 {0.235f, 0.62f},
                 {0.12f, 0.52f},
                 {0, 0.535f},
                 {-0.12f, 0.52f}},
                Paint(darker(strands, 0.05f)));
  }
  if (curly && !hat)
    for (int i = 0; i < 9; ++i) {
      const float turn = 0.15f + 2.84f * static_cast<float>(i) / 8;
      sketch.disc({0.235f * std::cos(turn), 0.70f + 0.19f * std::sin(turn)}, 0.085f, Paint(strands).round(0.3f));
    }
  else
    sketch.blob({{-0.25f, 0.62f},
                 {-0.275f, 0.78f},
                 {-0.17f, 0.93f},
                 {0, 0.965f},
                 {0.17f, 0.93f},
                 {0.275f, 0.78f},
                 {0.25f, 0.62f},
                 {0.20f, 0.75f},
                 {0.05f, 0.81f},
                 {-0.12f, 0.79f},
                 {-0.20f, 0.74f}},
                Paint(strands).round(0.4f));
  for (const float side : {-1.0f, 1.0f}) {
    sketch.ellipse({side * 0.095f, 0.645f}, 0.042f, 0.026f, Paint({0.98f, 0.97f, 0.95f}, Surface::kAir));
    sketch.disc({side * 0.095f, 0.645f}, 0.022f, Paint({0.13f, 0.10f, 0.10f}, Surface::kAir));
    sketch.curve({{side * 0.05f, 0.70f}, {side * 0.10f, 0.715f}, {side * 0.15f, 0.695f}}, 0.012f,
                 Paint(darker(strands, 0.35f), Surface::kAir));
  }
  sketch.curve({{0.005f, 0.62f}, {0.035f, 0.555f}, {-0.01f, 0.545f}}, 0.010f,
               Paint(darker(skin, 0.28f), Surface::kAir));
  sketch.curve({{-0.075f, 0.475f}, {0, random.real(0.445f, 0.465f)}, {0.075f, 0.475f}}, 0.017f,
               Paint({0.72f, 0.28f, 0.28f}, Surface::kAir));
  if (glasses) {
    const Paint rim({0.10f, 0.10f, 0.12f}, Surface::kAir);
    for (const float side : {-1.0f, 1.0f}) {
      std::vector<Point> ring;
      for (int i = 0; i <= 12; ++i) {
        const float turn = 6.283f * static_cast<float>(i) / 12;
        ring.push_back({side * 0.095f + 0.068f * std::cos(turn), 0.642f + 0.058f * std::sin(turn)});
      }
      sketch.line(ring, 0.010f, rim);
      sketch.line({{side * 0.163f, 0.65f}, {side * 0.235f, 0.665f}}, 0.010f, rim);
    }
    sketch.line({{-0.03f, 0.65f}, {0.03f, 0.65f}}, 0.010f, rim);
  }
  Subject out{"portrait", "", {}, shirt.word};
  const std::string called = hair.word[0] == 'y' ? "blond" : hair.word;
  out.noun =
      std::string("person with ") + (lengthy ? "long " : "") + (curly && !hat ? "curly " : "") + called + " hair";
  if (beard) out.noun += " and a beard";
  if (hat) {
    const NamedColour felt = bright_colour(random);
    sketch.blob({{-0.235f, 0.80f},
                 {-0.21f, 1.0f},
                 {-0.08f, 1.045f},
                 {0.08f, 1.045f},
                 {0.21f, 1.0f},
                 {0.235f, 0.80f},
                 {0, 0.79f}},
                Paint(felt.colour).round());
    sketch.ellipse({0, 0.81f}, 0.39f, 0.055f, Paint(felt.colour).round(0.4f));
    sketch.curve({{-0.225f, 0.855f}, {0, 0.845f}, {0.225f, 0.855f}}, 0.022f,
                 Paint(darker(felt.colour, 0.4f), Surface::kAir));
    out.details.push_back("wearing " + with_article(felt.word) + " hat");
    if (random.chance(0.6f)) out.details.back() += " and " + with_article(shirt.word) + " shirt";
  } else {
    out.details.push_back("wearing " + with_article(shirt.word) + " shirt");
  }
  if (glasses) out.details.push_back("with glasses");
  return out;
}

Subject draw_fish(Sketch& sketch, Random& random, const Frame& placed) {
  Frame frame = placed;
  frame.turn = random.real(-0.18f, 0.18f);
  sketch.stand(frame);
  const NamedColour body = any_colour(random, {"orange", "red", "yellow", "blue", "purple", "pink", "green", "white"});
  const bool striped = random.chance(0.5f);
  const NamedColour band = body.word[0] == 'w' ? any_colour(random, {"red", "black", "orange"})
                                               : any_colour(random, {"white", "black", "white"});
  const float tall = random.real(0.24f, 0.34f);
  const Paint fin = Paint(darker(body.colour, 0.18f)).round(0.3f);
  sketch.blob({{-0.38f, 0.5f},
               {-0.60f, 0.5f + tall * 0.95f},
               {-0.68f, 0.5f + tall * 0.8f},
               {-0.57f, 0.5f},
               {-0.68f, 0.5f - tall * 0.8f},
               {-0.60f, 0.5f - tall * 0.95f}},
              fin);
  sketch.blob({{-0.22f, 0.5f + tall * 0.75f},
               {-0.12f, 0.5f + tall * 1.5f},
               {0.16f, 0.5f + tall * 1.2f},
               {0.20f, 0.5f + tall * 0.75f}},
              fin);
  sketch.blob({{-0.12f, 0.5f - tall * 0.7f},
               {-0.10f, 0.5f - tall * 1.35f},
               {0.08f, 0.5f - tall * 1.0f},
               {0.10f, 0.5f - tall * 0.75f}},
              fin);
  const int skin = sketch.blob({{-0.47f, 0.5f},
                                {-0.25f, 0.5f + tall * 0.8f},
                                {0.08f, 0.5f + tall},
                                {0.36f, 0.5f + tall * 0.62f},
                                {0.50f, 0.5f},
                                {0.36f, 0.5f - tall * 0.62f},
                                {0.08f, 0.5f - tall},
                                {-0.25f, 0.5f - tall * 0.8f}},
                               Paint(body.colour).round(0.6f));
  if (striped) {
    sketch.cut_to(skin);
    for (const float x : {-0.24f, -0.02f, 0.19f})
      sketch.curve({{x, 0.5f + tall * 1.1f}, {x + 0.05f, 0.5f}, {x, 0.5f - tall * 1.1f}}, 0.036f, Paint(band.colour));
    sketch.cut_to(-1);
  }
  sketch.disc({0.32f, 0.5f + tall * 0.22f}, 0.058f, Paint({0.98f, 0.98f, 0.96f}));
  sketch.disc({0.335f, 0.5f + tall * 0.22f}, 0.030f, Paint({0.06f, 0.06f, 0.08f}, Surface::kAir));
  sketch.curve({{0.48f, 0.5f - 0.03f}, {0.42f, 0.5f - 0.07f}, {0.37f, 0.5f - 0.06f}}, 0.012f,
               Paint(darker(body.colour, 0.5f), Surface::kAir));
  sketch.ellipse({0.10f, 0.48f}, 0.085f, 0.045f, fin, 0.4f);
  Subject out{"fish", std::string(body.word) + " fish", {}, body.word};
  if (striped) out.details.push_back(std::string("with ") + band.word + " stripes");
  return out;
}

}  // namespace easel::synth
