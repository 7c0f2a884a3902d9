// What stands under the sky. A subject is about one unit high, its foot at the frame's.
#include <cmath>
#include <string_view>

#include "synth/drawings/scene.h"

namespace easel::synth {
namespace {

constexpr Colour kGlass{0.55f, 0.72f, 0.84f}, kLamp{1.0f, 0.90f, 0.52f}, kWood{0.46f, 0.31f, 0.20f};

Paint window_of(const Sketch& sketch, float reach) { return sketch.night ? Paint(kLamp).lit(reach) : Paint(kGlass); }

}  // namespace

Subject draw_lighthouse(Sketch& sketch, Random& random, const Frame& frame) {
  // The rock it stands on.
  sketch.stand(frame);
  const Colour rock = mix({0.45f, 0.42f, 0.40f}, {0.56f, 0.47f, 0.40f}, random.unit());
  sketch.blob({{-0.52f, -0.3f},
               {-0.40f, -0.06f},
               {-0.2f, 0.03f},
               {0.05f, 0.02f},
               {0.25f, 0.04f},
               {0.42f, -0.08f},
               {0.58f, -0.3f},
               {0, -0.4f}},
              Paint(rock, Surface::kGround).round());
  const NamedColour main = any_colour(random, {"red", "red", "blue", "green", "black", "yellow", "orange", "white"});
  const NamedColour white = colour_called("white", random);
  const bool plain = main.word[0] == 'w', striped = !plain && random.chance(0.6f);
  const float foot = random.real(0.12f, 0.15f), top = foot * random.real(0.58f, 0.75f);
  const int tower = sketch.polygon({{-foot, 0}, {foot, 0}, {top, 0.70f}, {-top, 0.70f}},
                                   Paint(striped ? white.colour : main.colour).round());
  if (striped) {
    sketch.cut_to(tower);
    const int bands = random.whole(2, 3);
    for (int i = 0; i < bands; ++i) {
      const float step = 0.70f / static_cast<float>(2 * bands), y = (2 * static_cast<float>(i) + 1) * step;
      sketch.box({-foot, y}, {foot, y + step}, Paint(main.colour).round());
    }
    sketch.cut_to(-1);
  }
  const NamedColour roof = any_colour(random, {"red", "black", "blue", "green", "grey"});
  sketch.box({-0.018f, 0.35f}, {0.018f, 0.42f}, window_of(sketch, 0.02f));
  sketch.box({-0.035f, 0.0f}, {0.035f, 0.11f}, Paint(kWood));
  if (sketch.light.x < 0.9f) {  // dusk and night: its beams
    sketch.polygon({{0, 0.79f}, {1.6f, 1.02f}, {1.6f, 0.72f}}, Paint(kLamp, Surface::kAir).sheer(0.38f));
    sketch.polygon({{0, 0.79f}, {-1.6f, 0.92f}, {-1.6f, 0.68f}}, Paint(kLamp, Surface::kAir).sheer(0.30f));
  }
  sketch.box({-top * 0.72f, 0.74f}, {top * 0.72f, 0.85f}, Paint(kLamp).lit(sketch.night ? 0.14f : 0.01f));
  sketch.box({-top * 1.35f, 0.69f}, {top * 1.35f, 0.74f}, Paint(darker(roof.colour, 0.25f)));
  sketch.polygon({{-top * 1.0f, 0.84f}, {top * 1.0f, 0.84f}, {0, 0.97f}}, Paint(roof.colour).round());
  sketch.line({{0, 0.97f}, {0, 1.02f}}, 0.008f, Paint(darker(roof.colour, 0.3f)));
  Subject out{"lighthouse", "lighthouse", {}, main.word};
  out.noun = std::string(main.word) + (striped ? " and white lighthouse" : " lighthouse");
  out.details.push_back("with " + with_article(roof.word) + " roof");
  if (sketch.light.x < 0.9f) out.details.push_back("with a shining lamp");
  return out;
}

Subject draw_boat(Sketch& sketch, Random& random, const Frame& placed) {
  Frame frame = placed;
  frame.turn = random.real(-0.09f, 0.09f);
  sketch.stand(frame);
  const NamedColour hull =
      any_colour(random, {"red", "blue", "green", "yellow", "orange", "white", "brown", "black", "purple"});
  const NamedColour sail = any_colour(random, {"white", "white", "white", "red", "orange", "yellow", "pink", "blue"});
  sketch.line({{0.0f, 0.1f}, {0.0f, 1.0f}}, 0.016f, Paint(kWood));
  sketch.blob({{0.035f, 0.25f}, {0.03f, 0.60f}, {0.035f, 0.95f}, {0.20f, 0.60f}, {0.40f, 0.27f}, {0.2f, 0.245f}},
              Paint(sail.colour).round());
  sketch.blob({{-0.035f, 0.27f}, {-0.03f, 0.55f}, {-0.035f, 0.84f}, {-0.20f, 0.52f}, {-0.34f, 0.28f}, {-0.18f, 0.255f}},
              Paint(lighter(sail.colour, 0.12f)).round(0.4f));
  const bool flag = random.chance(0.4f);
  if (flag) {
    const Colour cloth = bright_colour(random, sail.word).colour;
    sketch.polygon({{0, 1.0f}, {0.13f, 0.965f}, {0, 0.925f}}, Paint(cloth));
  }
  const int body = sketch.polygon({{-0.43f, 0.185f},
                                   {-0.2f, 0.15f},
                                   {0.2f, 0.15f},
                                   {0.50f, 0.20f},
                                   {0.41f, 0.05f},
                                   {0.30f, -0.06f},
                                   {-0.30f, -0.06f},
                                   {-0.38f, 0.05f}},
                                  Paint(hull.colour).round());
  sketch.cut_to(body);
  sketch.polygon({{-0.6f, 0.145f},
                  {-0.2f, 0.105f},
                  {0.2f, 0.105f},
                  {0.6f, 0.16f},
                  {0.6f, 0.115f},
                  {0.2f, 0.065f},
                  {-0.2f, 0.065f},
                  {-0.6f, 0.10f}},
                 Paint(lighter(hull.colour, hull.word[0] == 'w' ? 0.0f : 0.75f)));
  sketch.cut_to(-1);
  frame.turn = 0;
  sketch.stand(frame);
  const Paint foam({0.86f, 0.93f, 0.97f}, Surface::kAir);
  sketch.curve({{-0.50f, -0.04f}, {-0.3f, -0.02f}, {-0.1f, -0.05f}, {0.1f, -0.02f}, {0.3f, -0.05f}, {0.52f, -0.03f}},
               0.022f, foam);
  sketch.curve({{-0.40f, -0.11f}, {-0.2f, -0.09f}, {0.0f, -0.12f}, {0.2f, -0.10f}}, 0.012f, foam);
  Subject out{"boat", "", {}, hull.word};
  out.noun = std::string(hull.word) + random.pick({" boat", " sailing boat", " sailboat"});
  out.details.push_back(std::string("with ") + sail.word + " sails");
  if (flag) out.details.push_back("with a flag");
  return out;
}

Subject draw_house(Sketch& sketch, Random& random, const Frame& frame) {
  sketch.stand(frame);
  const NamedColour wall =
      any_colour(random, {"red", "yellow", "white", "blue", "green", "pink", "orange", "brown", "grey", "purple"});
  const NamedColour roof = [&] {
    for (;;) {
      const NamedColour c = any_colour(random, {"red", "brown", "blue", "black", "green", "grey", "orange", "purple"});
      if (std::string_view(c.word) != wall.word) return c;
    }
  }();
  const float half = random.real(0.34f, 0.46f), eaves = random.real(0.42f, 0.54f),
              ridge = eaves + random.real(0.28f, 0.38f);
  const bool chimney = random.chance(0.6f), smoke = chimney && random.chance(0.5f);
  if (chimney) {
    sketch.box({half * 0.45f, eaves}, {half * 0.45f + 0.10f, ridge + 0.04f}, Paint({0.58f, 0.34f, 0.28f}));
    if (smoke)
      for (int i = 0; i < 4; ++i) {
        const float up = static_cast<float>(i);
        sketch.disc({half * 0.45f + 0.05f + 0.035f * up, ridge + 0.09f + 0.075f * up}, 0.030f + 0.011f * up,
                    Paint({0.88f, 0.88f, 0.90f}, Surface::kAir).sheer(0.8f));
      }
  }
  sketch.box({-half, 0}, {half, eaves}, Paint(wall.colour).round(0.45f));
  const bool gable = random.chance(0.5f);
  if (gable)
    sketch.polygon({{-half - 0.07f, eaves - 0.02f}, {0, ridge}, {half + 0.07f, eaves - 0.02f}},
                   Paint(roof.colour).round());
  else
    sketch.polygon(
        {{-half - 0.08f, eaves - 0.02f}, {-half * 0.62f, ridge}, {half * 0.62f, ridge}, {half + 0.08f, eaves - 0.02f}},
        Paint(roof.colour).round());
  const NamedColour door = any_colour(random, {"brown", "blue", "green", "red", "white"});
  const float door_at = random.pick({-0.5f, 0.0f, 0.45f}) * half;
  sketch.box({door_at - 0.07f, 0}, {door_at + 0.07f, 0.25f}, Paint(door.colour));
  sketch.disc({door_at + 0.045f, 0.12f}, 0.012f, Paint({0.9f, 0.8f, 0.4f}));
  const Paint pane = window_of(sketch, 0.05f);
  for (const float at : {-0.62f, 0.0f, 0.62f}) {
    const float x = at * half;
    if (std::abs(x - door_at) < 0.14f) continue;
    sketch.box({x - 0.075f, 0.17f}, {x + 0.075f, 0.34f}, Paint({0.96f, 0.95f, 0.92f}));
    sketch.box({x - 0.058f, 0.187f}, {x + 0.058f, 0.323f}, pane);
    sketch.line({{x, 0.187f}, {x, 0.323f}}, 0.008f, Paint({0.96f, 0.95f, 0.92f}, Surface::kAir));
  }
  if (gable) sketch.disc({0, eaves + (ridge - eaves) * 0.36f}, 0.055f, pane);
  Subject out{"house", std::string(wall.word) + " house", {}, wall.word};
  out.details.push_back("with " + with_article(roof.word) + " roof");
  if (random.chance(0.4f)) out.details.push_back("with " + with_article(door.word) + " door");
  if (chimney) out.details.push_back(smoke ? "with a smoking chimney" : "with a chimney");
  if (sketch.night) out.details.push_back("with lit windows");
  return out;
}

Subject draw_tree(Sketch& sketch, Random& random, const Frame& frame) {
  sketch.stand(frame);
  Subject out{"tree", "", {}, ""};
  if (random.chance(0.3f)) {  // a fir
    const NamedColour green = any_colour(random, {"green", "green", "blue"});
    const Colour colour = mix(green.colour, {0.10f, 0.35f, 0.25f}, 0.45f);
    sketch.box({-0.045f, 0}, {0.045f, 0.18f}, Paint(kWood));
    const int tiers = random.whole(3, 4);
    const bool balls = random.chance(0.3f);
    for (int i = 0; i < tiers; ++i) {
      const float at = static_cast<float>(i) / static_cast<float>(tiers), low = 0.14f + 0.62f * at,
                  wide = 0.36f * (1 - 0.75f * at);
      sketch.polygon({{-wide, low},
                      {-wide * 0.5f, low + 0.03f},
                      {0, low - 0.02f},
                      {wide * 0.5f, low + 0.03f},
                      {wide, low},
                      {0, low + 0.40f}},
                     Paint(colour).round());
      if (balls)
        for (const float x : {-0.5f, 0.05f, 0.5f})
          sketch.disc({x * wide, low + 0.07f}, 0.024f, bright_colour(random, "green").colour);
    }
    out.noun = random.pick({"fir tree", "pine tree"});
    out.colour = green.word;
    if (balls) out.details.push_back("with coloured balls");
    return out;
  }
  const NamedColour leaves =
      any_colour(random, {"green", "green", "green", "orange", "yellow", "red", "pink", "purple"});
  const float lean = random.real(-0.06f, 0.06f);
  sketch.polygon({{-0.07f, 0}, {0.07f, 0}, {0.04f + lean, 0.5f}, {-0.04f + lean, 0.5f}}, Paint(kWood).round());
  sketch.line({{lean * 0.6f, 0.33f}, {0.16f, 0.52f}}, 0.022f, Paint(kWood));
  sketch.line({{lean * 0.6f, 0.30f}, {-0.17f, 0.50f}}, 0.022f, Paint(kWood));
  const int puffs = random.whole(6, 9);
  const float wide = random.real(0.22f, 0.30f);
  for (int i = 0; i < puffs; ++i) {
    const float turn = 6.283f * static_cast<float>(i) / static_cast<float>(puffs) + random.real(-0.2f, 0.2f);
    sketch.disc({lean + wide * std::cos(turn), 0.66f + 0.19f * std::sin(turn)}, random.real(0.13f, 0.17f),
                Paint(darker(leaves.colour, random.real(0, 0.14f))).round(0.5f));
  }
  sketch.ellipse({lean, 0.68f}, wide * 0.95f, 0.20f, Paint(leaves.colour, Surface::kAir));
  out.noun = std::string(leaves.word) + " tree";
  out.colour = leaves.word;
  if (leaves.word[0] == 'g' && random.chance(0.4f)) {
    const NamedColour fruit = any_colour(random, {"red", "orange", "yellow"});
    for (int i = random.whole(7, 11); i > 0; --i) {
      const float turn = random.real(0, 6.283f), out_by = std::sqrt(random.unit());
      sketch.disc({lean + 0.33f * out_by * std::cos(turn), 0.67f + 0.26f * out_by * std::sin(turn)}, 0.030f,
                  Paint(fruit.colour).round());
    }
    out.details.push_back(std::string("with ") + fruit.word + " fruit");
  }
  return out;
}

Subject draw_car(Sketch& sketch, Random& random, const Frame& frame) {
  sketch.stand(frame);
  const NamedColour body =
      any_colour(random, {"red", "blue", "yellow", "green", "white", "black", "orange", "pink", "purple"});
  const float roof = random.real(0.50f, 0.58f);
  sketch.ellipse({0, 0.01f}, 0.72f, 0.04f, Paint({0.15f, 0.15f, 0.18f}, Surface::kAir).sheer(0.4f));
  sketch.blob(
      {{-0.42f, 0.30f}, {-0.30f, roof - 0.03f}, {-0.10f, roof}, {0.14f, roof - 0.02f}, {0.36f, 0.31f}, {0, 0.25f}},
      Paint(darker(body.colour, 0.1f)).round(0.4f));
  sketch.polygon({{-0.34f, 0.31f}, {-0.25f, roof - 0.06f}, {-0.05f, roof - 0.045f}, {-0.05f, 0.31f}},
                 window_of(sketch, 0.02f));
  sketch.polygon({{-0.005f, 0.31f}, {-0.005f, roof - 0.045f}, {0.13f, roof - 0.06f}, {0.28f, 0.31f}},
                 window_of(sketch, 0.02f));
  sketch.polygon({{-0.68f, 0.12f},
                  {-0.69f, 0.26f},
                  {-0.60f, 0.32f},
                  {0.42f, 0.32f},
                  {0.64f, 0.27f},
                  {0.71f, 0.20f},
                  {0.70f, 0.11f}},
                 Paint(body.colour).round(0.5f));
  for (const float x : {-0.40f, 0.40f}) {
    sketch.disc({x, 0.115f}, 0.135f, Paint({0.12f, 0.12f, 0.14f}));
    sketch.disc({x, 0.115f}, 0.062f, Paint({0.75f, 0.76f, 0.78f}));
  }
  sketch.disc({0.655f, 0.22f}, 0.036f, Paint({1.0f, 0.93f, 0.65f}).lit(sketch.night ? 0.12f : 0.01f));
  sketch.box({-0.70f, 0.20f}, {-0.665f, 0.26f}, Paint({0.85f, 0.12f, 0.10f}));
  sketch.line({{-0.02f, 0.15f}, {-0.02f, 0.30f}}, 0.006f, Paint(darker(body.colour, 0.35f), Surface::kAir));
  Subject out{"car", std::string(body.word) + " car", {}, body.word};
  if (random.chance(0.3f)) {
    const NamedColour load = any_colour(random, {"brown", "red", "yellow", "green"});
    sketch.box({-0.24f, roof + 0.01f}, {0.10f, roof + 0.11f}, Paint(load.colour).round());
    out.details.push_back("with " + with_article(load.word) + " suitcase on the roof");
  }
  return out;
}

Subject draw_balloon(Sketch& sketch, Random& random, const Frame& placed) {
  Frame frame = placed;
  frame.turn = random.real(-0.08f, 0.08f);
  sketch.stand(frame);
  const NamedColour main = bright_colour(random),
                    other = random.chance(0.4f) ? colour_called("white", random) : bright_colour(random, main.word);
  const bool striped = random.chance(0.7f);
  const Paint rope({0.30f, 0.24f, 0.18f}, Surface::kAir);
  for (const float x : {-1.0f, -0.33f, 0.33f, 1.0f})
    sketch.line({{x * 0.13f, 0.30f}, {x * 0.065f, 0.13f}}, 0.006f, rope);
  const int skin = sketch.blob({{0, 1.0f},
                                {0.25f, 0.93f},
                                {0.37f, 0.70f},
                                {0.30f, 0.48f},
                                {0.13f, 0.28f},
                                {-0.13f, 0.28f},
                                {-0.30f, 0.48f},
                                {-0.37f, 0.70f},
                                {-0.25f, 0.93f}},
                               Paint(main.colour).round(0.8f));
  if (striped) {
    sketch.cut_to(skin);
    for (const float at : {-0.74f, 0.0f, 0.74f})
      sketch.ellipse({at * 0.36f, 0.62f}, 0.072f - 0.02f * std::abs(at), 0.42f, Paint(other.colour).round(0.4f));
    sketch.cut_to(-1);
  }
  sketch.box({-0.075f, 0.02f}, {0.075f, 0.13f}, Paint({0.62f, 0.42f, 0.22f}).round());
  if (sketch.night) sketch.disc({0, 0.26f}, 0.035f, Paint(kLamp).lit(0.16f));
  Subject out{"balloon", "", {}, main.word};
  const char* noun = random.pick({"hot air balloon", "balloon"});
  out.noun = std::string(main.word) + " " + (striped ? std::string("and ") + other.word + " " : "") + noun;
  if (striped && random.chance(0.5f)) {
    out.noun = std::string(main.word) + " " + noun;
    out.details.push_back(std::string("with ") + other.word + " stripes");
  }
  return out;
}

Subject draw_mushroom(Sketch& sketch, Random& random, const Frame& frame) {
  sketch.stand(frame);
  const NamedColour cap = any_colour(random, {"red", "red", "brown", "orange", "purple", "blue", "yellow", "pink"});
  const float wide = random.real(0.36f, 0.48f), low = random.real(0.46f, 0.54f);
  sketch.polygon({{-0.13f, 0}, {0.14f, 0}, {0.09f, low + 0.06f}, {-0.09f, low + 0.06f}},
                 Paint({0.94f, 0.90f, 0.80f}).round());
  sketch.ellipse({0, low + 0.005f}, wide * 0.9f, 0.06f, Paint({0.80f, 0.72f, 0.60f}));
  const int top = sketch.blob({{-wide, low},
                               {-wide * 0.85f, low + 0.25f},
                               {-wide * 0.4f, low + 0.42f},
                               {0, low + 0.47f},
                               {wide * 0.4f, low + 0.42f},
                               {wide * 0.85f, low + 0.25f},
                               {wide, low},
                               {0, low + 0.03f}},
                              Paint(cap.colour).round(0.7f));
  Subject out{"mushroom", std::string(cap.word) + " mushroom", {}, cap.word};
  if (random.chance(0.7f)) {
    sketch.cut_to(top);
    for (const Point p : {Point{-0.55f, 0.15f},
                          {-0.2f, 0.30f},
                          {0.15f, 0.16f},
                          {0.38f, 0.31f},
                          {0.68f, 0.13f},
                          {-0.8f, 0.03f},
                          {-0.12f, 0.08f}})
      sketch.ellipse({p.x * wide, low + p.y}, random.real(0.035f, 0.055f), random.real(0.03f, 0.045f),
                     Paint({0.97f, 0.96f, 0.93f}));
    sketch.cut_to(-1);
    out.details.push_back(random.pick({"with white dots", "with white spots"}));
  }
  for (int i = 0; i < 5; ++i) {
    const float x = random.real(-0.3f, 0.3f);
    sketch.line({{x, -0.02f}, {x + random.real(-0.05f, 0.05f), 0.10f}}, 0.012f, Paint({0.30f, 0.52f, 0.22f}));
  }
  return out;
}

}  // namespace easel::synth
