// Skies, grounds, rooms and weather.
#include <cmath>
#include <string_view>

#include "synth/drawings/scene.h"

namespace easel::synth {
namespace {

struct PaletteRow {
  const char* word;
  Colour colour;
};
constexpr PaletteRow kPalette[] = {
    {"red", {0.83f, 0.15f, 0.14f}},   {"orange", {0.94f, 0.52f, 0.12f}}, {"yellow", {0.97f, 0.83f, 0.20f}},
    {"green", {0.24f, 0.60f, 0.28f}}, {"blue", {0.18f, 0.38f, 0.82f}},   {"purple", {0.53f, 0.26f, 0.68f}},
    {"pink", {0.96f, 0.56f, 0.70f}},  {"brown", {0.50f, 0.32f, 0.18f}},  {"white", {0.95f, 0.94f, 0.92f}},
    {"black", {0.14f, 0.14f, 0.17f}}, {"grey", {0.56f, 0.57f, 0.59f}},
};

std::vector<float> hills(Random& random, float height, float roughness, int points) {
  std::vector<float> out;
  const float a = random.real(0, 6.3f), b = random.real(0, 6.3f), f = random.real(2.5f, 5.5f);
  for (int i = 0; i < points; ++i) {
    const float x = static_cast<float>(i) / static_cast<float>(points - 1);
    out.push_back(height + roughness * (0.6f * std::sin(f * x + a) + 0.4f * std::sin(2.3f * f * x + b)));
  }
  return out;
}

struct Air {
  Colour high, low, light;
};

Air air_of(Hour hour, Weather weather) {
  Air air{{0.36f, 0.63f, 0.92f}, {0.78f, 0.90f, 0.97f}, {1, 1, 1}};
  if (hour == Hour::kSunset) air = {{0.45f, 0.36f, 0.62f}, {1.0f, 0.62f, 0.30f}, {1.0f, 0.86f, 0.74f}};
  if (hour == Hour::kDusk) air = {{0.17f, 0.18f, 0.42f}, {0.62f, 0.46f, 0.66f}, {0.70f, 0.66f, 0.86f}};
  if (hour == Hour::kNight) air = {{0.03f, 0.04f, 0.14f}, {0.10f, 0.15f, 0.32f}, {0.60f, 0.62f, 0.82f}};
  if (hour != Hour::kDay) return air;
  if (weather == Weather::kRain) air = {{0.42f, 0.47f, 0.54f}, {0.66f, 0.70f, 0.74f}, {0.82f, 0.84f, 0.88f}};
  if (weather == Weather::kSnow) air = {{0.66f, 0.72f, 0.80f}, {0.86f, 0.89f, 0.93f}, {0.95f, 0.97f, 1.0f}};
  if (weather == Weather::kFog) air = {{0.74f, 0.77f, 0.79f}, {0.86f, 0.87f, 0.87f}, {0.94f, 0.94f, 0.95f}};
  return air;
}

void draw_cloud(Sketch& sketch, Random& random, Colour colour) {
  const float x = random.real(0.05f, 0.95f), y = random.real(0.64f, 0.92f), size = random.real(0.05f, 0.085f);
  const Paint paint = Paint(colour, Surface::kAir);
  for (int i = 0; i < 4; ++i) {
    const float side = static_cast<float>(i) - 1.5f;
    sketch.ellipse({x + side * size * 0.9f, y + (i % 3 == 1 ? 0.4f : 0.0f) * size}, size * random.real(0.8f, 1.1f),
                   size * random.real(0.5f, 0.75f), paint);
  }
  sketch.ellipse({x, y - size * 0.25f}, size * 2.1f, size * 0.42f, paint);
}

void draw_sky(Sketch& sketch, Random& random, Hour hour, Weather weather) {
  const Air air = air_of(hour, weather);
  sketch.light = air.light;
  sketch.night = hour == Hour::kNight;
  sketch.stand({});
  sketch.everywhere(Paint(air.high, Surface::kSky).down_to(mix(air.high, air.low, 1.35f)));
  if (hour == Hour::kNight) {
    for (int i = random.whole(20, 40); i > 0; --i)
      sketch.disc({random.unit(), random.real(0.35f, 1)}, random.real(0.003f, 0.007f),
                  Paint({0.95f, 0.95f, 0.85f}, Surface::kSky));
    const Point moon{random.real(0.12f, 0.88f), random.real(0.76f, 0.90f)};
    const float radius = random.real(0.04f, 0.07f);
    sketch.disc(moon, radius, Paint({0.98f, 0.95f, 0.78f}, Surface::kSky).lit(radius * 2.2f));
    if (random.chance(0.5f))
      sketch.disc({moon.x + radius * 0.55f, moon.y + radius * 0.25f}, radius * 0.9f, Paint(air.high, Surface::kSky));
  }
  const bool open = weather == Weather::kClear || weather == Weather::kClouds;
  if (hour == Hour::kSunset && open)
    sketch.disc({random.real(0.15f, 0.85f), random.real(0.36f, 0.52f)}, random.real(0.07f, 0.11f),
                Paint({1.0f, 0.87f, 0.45f}, Surface::kSky));
  if (hour == Hour::kDay && open && random.chance(0.6f))
    sketch.disc({random.real(0.1f, 0.9f), random.real(0.80f, 0.92f)}, random.real(0.05f, 0.08f),
                Paint({1.0f, 0.90f, 0.40f}, Surface::kSky));
  if (weather == Weather::kClouds || (weather == Weather::kRain && hour == Hour::kDay)) {
    const bool rain = weather == Weather::kRain;
    const Colour white = hour == Hour::kDay ? Colour{0.98f, 0.98f, 0.99f} : mix(air.low, {1, 0.9f, 0.9f}, 0.25f);
    for (int i = random.whole(2, 4); i > 0; --i) draw_cloud(sketch, random, rain ? Colour{0.50f, 0.53f, 0.58f} : white);
  }
}

void draw_mountains(Sketch& sketch, Random& random, float foot, bool near_snow) {
  const Colour rock = mix({0.42f, 0.45f, 0.55f}, {0.52f, 0.44f, 0.46f}, random.unit());
  for (int i = random.whole(2, 4); i > 0; --i) {
    const float x = random.real(0.0f, 1.0f), height = random.real(0.22f, 0.38f),
                half = height * random.real(0.75f, 1.1f);
    const Point peak{x, foot + height};
    sketch.polygon({{x - half, foot - 0.05f}, peak, {x + half, foot - 0.05f}},
                   Paint(rock, Surface::kGround).round(0.5f));
    const float cap = near_snow ? 0.55f : 0.34f, w = half * cap;
    sketch.polygon({{x - w, peak.y - height * cap},
                    peak,
                    {x + w, peak.y - height * cap},
                    {x + w * 0.45f, peak.y - height * cap * 0.72f},
                    {x, peak.y - height * cap * 1.1f},
                    {x - w * 0.5f, peak.y - height * cap * 0.75f}},
                   Paint({0.96f, 0.97f, 0.99f}, Surface::kGround));
  }
}

void draw_town(Sketch& sketch, Random& random, float foot, bool lights) {
  for (float x = -0.05f; x < 1.0f;) {
    const float width = random.real(0.09f, 0.16f), height = random.real(0.12f, 0.36f);
    const float grey = random.real(0.40f, 0.62f);
    sketch.box({x, foot - 0.05f}, {x + width, foot + height},
               Paint({grey, grey * 0.97f, grey * 1.06f}, Surface::kGround));
    for (float wy = foot + 0.03f; wy < foot + height - 0.03f; wy += 0.055f)
      for (float wx = x + 0.02f; wx < x + width - 0.025f; wx += 0.04f)
        if (random.chance(0.7f)) {
          const bool lit = lights && random.chance(0.6f);
          const Paint pane({lit ? 1.0f : 0.72f, lit ? 0.86f : 0.80f, lit ? 0.45f : 0.86f}, Surface::kAir);
          sketch.box({wx, wy}, {wx + 0.018f, wy + 0.026f}, lit ? pane.lit(0.012f) : pane);
        }
    x += width + random.real(0.0f, 0.015f);
  }
}

void draw_pines(Sketch& sketch, Random& random, float foot, Colour colour) {
  for (float x = random.real(-0.05f, 0.0f); x < 1.05f; x += random.real(0.06f, 0.11f)) {
    const float height = random.real(0.20f, 0.36f), half = height * 0.27f, shade = random.real(0, 0.25f);
    for (int i = 0; i < 3; ++i) {
      const float up = static_cast<float>(i) * 0.26f, shrink = 1 - static_cast<float>(i) * 0.24f;
      sketch.polygon({{x - half * shrink, foot + height * up},
                      {x, foot + height * (up + 0.48f)},
                      {x + half * shrink, foot + height * up}},
                     Paint(darker(colour, shade), Surface::kGround));
    }
  }
}

void draw_tufts(Sketch& sketch, Random& random, float ground, Colour colour, bool flowers) {
  for (int i = random.whole(5, 10); i > 0; --i) {
    const float x = random.unit(), y = random.real(0.02f, ground * 0.85f), h = random.real(0.02f, 0.04f);
    for (const float lean : {-0.6f, 0.0f, 0.6f})
      sketch.line({{x, y}, {x + lean * h, y + h}}, 0.004f, Paint(darker(colour, 0.3f), Surface::kAir));
  }
  if (!flowers) return;
  const Colour petal = bright_colour(random, "green").colour;
  for (int i = random.whole(6, 14); i > 0; --i)
    sketch.disc({random.unit(), random.real(0.02f, ground * 0.85f)}, random.real(0.010f, 0.016f),
                Paint(petal, Surface::kAir));
}

void draw_waves(Sketch& sketch, Random& random, float horizon) {
  for (int i = random.whole(9, 16); i > 0; --i) {
    const float y = random.real(0.02f, horizon * 0.95f), near = 1 - y / horizon;
    const float x = random.unit(), length = 0.03f + 0.06f * near;
    sketch.curve({{x - length, y}, {x - length / 2, y + 0.012f}, {x, y}, {x + length / 2, y + 0.012f}, {x + length, y}},
                 0.004f + 0.003f * near, Paint({0.82f, 0.91f, 0.96f}, Surface::kAir).sheer(0.8f));
  }
}

Colour grass(Random& random, bool snow) {
  return snow ? Colour{0.93f, 0.95f, 0.98f} : mix({0.42f, 0.65f, 0.28f}, {0.58f, 0.72f, 0.34f}, random.unit());
}

Weather any_weather(Random& random, Hour hour) {
  if (hour != Hour::kDay) return random.chance(0.75f) ? Weather::kClear : Weather::kClouds;
  const float at = random.unit();
  return at < 0.34f   ? Weather::kClear
         : at < 0.62f ? Weather::kClouds
         : at < 0.75f ? Weather::kRain
         : at < 0.90f ? Weather::kSnow
                      : Weather::kFog;
}

}  // namespace

NamedColour colour_called(const char* word, Random& random) {
  for (const PaletteRow& row : kPalette) {
    if (std::string_view(row.word) != word) continue;
    const float bright = random.real(-0.05f, 0.05f);
    const auto near = [&](float v) { return clamp01(v + bright + random.real(-0.03f, 0.03f)); };
    return {row.word, {near(row.colour.x), near(row.colour.y), near(row.colour.z)}};
  }
  return {word, {}};
}

NamedColour any_colour(Random& random, std::initializer_list<const char*> words) {
  return colour_called(random.pick(words), random);
}

NamedColour bright_colour(Random& random, const char* but) {
  for (;;) {
    const char* word = random.pick({"red", "orange", "yellow", "green", "blue", "purple", "pink"});
    if (std::string_view(word) != but) return colour_called(word, random);
  }
}

std::string with_article(std::string_view noun) {
  const bool vowel = std::string_view("aeiou").find(noun[0]) != std::string_view::npos;
  return (vowel ? "an " : "a ") + std::string(noun);
}

Setting draw_outdoors(Sketch& sketch, Random& random, Hour hour, std::initializer_list<const char*> places) {
  Setting setting;
  setting.word = random.pick(places);
  setting.hour = hour;
  setting.weather = any_weather(random, hour);
  const std::string& place = setting.word;
  if (place == "desert" && (setting.weather == Weather::kRain || setting.weather == Weather::kSnow))
    setting.weather = Weather::kClear;
  const bool snow = setting.weather == Weather::kSnow;
  draw_sky(sketch, random, hour, setting.weather);
  const float ground = setting.ground = random.real(0.20f, 0.32f);
  const Colour green = grass(random, snow);
  if (place == "sea" || place == "lake") {
    setting.ground = random.real(0.30f, 0.40f);
    if (place == "lake") draw_mountains(sketch, random, setting.ground, snow);
    const Colour deep = mix({0.08f, 0.30f, 0.52f}, {0.10f, 0.42f, 0.56f}, random.unit());
    sketch.ridge({setting.ground, setting.ground},
                 Paint(mix(deep, {0.5f, 0.75f, 0.85f}, 0.35f), Surface::kGround).down_to(deep));
    draw_waves(sketch, random, setting.ground);
    setting.phrase =
        place == "sea" ? random.pick({"on the sea", "at sea"}) : random.pick({"on a lake", "on a mountain lake"});
    return setting;
  }
  if (place == "mountains") {
    draw_mountains(sketch, random, ground, snow);
    setting.phrase = random.pick({"in front of mountains", "in the mountains"});
  } else if (place == "hills") {
    sketch.ridge(hills(random, ground + 0.16f, 0.05f, 24),
                 Paint(mix(green, {0.45f, 0.60f, 0.62f}, snow ? 0.2f : 0.55f), Surface::kGround));
    sketch.ridge(hills(random, ground + 0.07f, 0.05f, 24),
                 Paint(mix(green, {0.35f, 0.55f, 0.40f}, snow ? 0.1f : 0.45f), Surface::kGround));
    setting.phrase = random.pick({"in front of hills", "among green hills"});
    if (snow) setting.phrase = "among snowy hills";
  } else if (place == "forest") {
    draw_pines(sketch, random, ground - 0.03f, snow ? Colour{0.30f, 0.44f, 0.42f} : Colour{0.16f, 0.36f, 0.24f});
    setting.phrase = random.pick({"in a forest", "in front of a forest"});
  } else if (place == "town") {
    draw_town(sketch, random, ground, hour == Hour::kDusk || hour == Hour::kNight);
    setting.phrase = random.pick({"in a city", "in front of a city"});
  } else if (place == "meadow") {
    setting.phrase = random.pick({"on a meadow", "in a field"});
    if (snow) setting.phrase = "in a snowy field";
  } else {  // desert
    sketch.ridge(hills(random, ground + 0.08f, 0.05f, 24), Paint({0.86f, 0.66f, 0.42f}, Surface::kGround));
    setting.phrase = "in the desert";
  }
  if (place == "desert") {
    sketch.ridge(hills(random, ground, 0.02f, 16),
                 Paint({0.93f, 0.77f, 0.50f}, Surface::kGround).down_to({0.85f, 0.65f, 0.38f}));
    const float x = random.chance(0.5f) ? random.real(0.05f, 0.15f) : random.real(0.85f, 0.95f);
    const Paint cactus({0.30f, 0.52f, 0.30f}, Surface::kGround);
    sketch.line({{x, ground - 0.04f}, {x, ground + 0.16f}}, 0.018f, cactus);
    sketch.line({{x, ground + 0.05f}, {x + 0.045f, ground + 0.05f}, {x + 0.045f, ground + 0.11f}}, 0.012f, cactus);
    sketch.line({{x, ground + 0.03f}, {x - 0.04f, ground + 0.03f}, {x - 0.04f, ground + 0.08f}}, 0.012f, cactus);
    return setting;
  }
  const bool paved = place == "town" && !snow;
  const Colour floor = paved ? Colour{0.60f, 0.58f, 0.57f} : green;
  sketch.ridge(hills(random, ground, paved ? 0.0f : 0.02f, 16),
               Paint(floor, Surface::kGround).down_to(darker(floor, snow ? 0.06f : 0.22f)));
  if (!paved && !snow) draw_tufts(sketch, random, ground, floor, place == "meadow" && random.chance(0.6f));
  return setting;
}

Setting draw_indoors(Sketch& sketch, Random& random, bool table, Hour hour) {
  Setting setting;
  setting.word = "room";
  setting.outdoors = false;
  setting.hour = hour;
  setting.ground = table ? random.real(0.20f, 0.30f) : 0.0f;
  sketch.stand({});
  sketch.night = hour == Hour::kNight;
  if (sketch.night) sketch.light = {0.70f, 0.66f, 0.80f};
  const NamedColour wall =
      any_colour(random, {"red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "white", "grey"});
  const bool grey = std::string_view(wall.word) == "white" || std::string_view(wall.word) == "grey";
  const Colour tone = grey ? wall.colour : mix(wall.colour, {0.75f, 0.73f, 0.70f}, 0.30f);
  sketch.everywhere(Paint(tone, Surface::kGround).down_to(darker(tone, 0.14f)));
  setting.phrase = "in front of " + with_article(wall.word) + " wall";
  if (table && (sketch.night || random.chance(0.4f))) {  // a window
    const float x = random.chance(0.5f) ? random.real(0.04f, 0.14f) : random.real(0.66f, 0.74f),
                y = random.real(0.60f, 0.66f);
    const float w = 0.22f, h = 0.27f;
    const Paint frame({0.94f, 0.92f, 0.88f}, Surface::kGround);
    sketch.box({x - 0.018f, y - 0.018f}, {x + w + 0.018f, y + h + 0.018f}, frame);
    const Paint view = sketch.night ? Paint({0.05f, 0.07f, 0.22f}, Surface::kSky)
                                    : Paint({0.50f, 0.74f, 0.94f}, Surface::kSky).down_to({0.82f, 0.92f, 0.97f});
    sketch.box({x, y}, {x + w, y + h}, view);
    if (sketch.night)
      sketch.disc({x + w * 0.7f, y + h * 0.72f}, 0.03f, Paint({0.98f, 0.95f, 0.78f}, Surface::kSky).lit(0.09f));
    sketch.box({x + w / 2 - 0.008f, y}, {x + w / 2 + 0.008f, y + h}, frame);
    sketch.box({x, y + h / 2 - 0.008f}, {x + w, y + h / 2 + 0.008f}, frame);
    setting.phrase += " with a window";
  }
  if (table) {
    const NamedColour wood = any_colour(random, {"brown", "white", "brown", "grey"});
    const float edge = setting.ground + 0.05f;
    sketch.ridge({edge, edge}, Paint(wood.colour, Surface::kGround).down_to(darker(wood.colour, 0.25f)));
    sketch.ridge({0.05f, 0.05f}, Paint(darker(wood.colour, 0.35f), Surface::kGround));
    setting.word = "table";
    setting.phrase = std::string("on a ") + wood.word + " table " + setting.phrase;
  }
  return setting;
}

Setting draw_underwater(Sketch& sketch, Random& random) {
  Setting setting;
  setting.word = "underwater";
  setting.phrase = random.pick({"under water", "underwater"});
  setting.outdoors = false;
  setting.ground = 0;
  sketch.stand({});
  const Colour top = mix({0.30f, 0.72f, 0.86f}, {0.25f, 0.60f, 0.88f}, random.unit());
  sketch.everywhere(Paint(top, Surface::kSky).down_to({0.05f, 0.24f, 0.45f}));
  sketch.ridge(hills(random, random.real(0.10f, 0.16f), 0.025f, 20), Paint({0.86f, 0.76f, 0.54f}, Surface::kGround));
  for (int i = random.whole(2, 5); i > 0; --i) {
    const float x = random.chance(0.5f) ? random.real(0.02f, 0.28f) : random.real(0.72f, 0.98f),
                h = random.real(0.18f, 0.42f);
    sketch.curve({{x, 0.05f}, {x + 0.03f, 0.05f + h * 0.33f}, {x - 0.03f, 0.05f + h * 0.66f}, {x + 0.01f, 0.05f + h}},
                 0.013f, Paint(mix({0.15f, 0.50f, 0.30f}, {0.35f, 0.60f, 0.25f}, random.unit()), Surface::kGround));
  }
  for (int i = random.whole(4, 9); i > 0; --i)
    sketch.disc({random.unit(), random.real(0.3f, 0.95f)}, random.real(0.008f, 0.02f),
                Paint({0.85f, 0.96f, 1.0f}, Surface::kAir).sheer(0.7f));
  return setting;
}

void draw_weather(Sketch& sketch, Random& random, const Setting& setting) {
  sketch.stand({});
  if (!setting.outdoors) return;
  if (setting.weather == Weather::kRain)
    for (int i = random.whole(45, 70); i > 0; --i) {
      const float x = random.real(0, 1.05f), y = random.real(0.02f, 1), length = random.real(0.03f, 0.06f);
      sketch.line({{x, y}, {x - length * 0.35f, y - length}}, 0.0035f,
                  Paint({0.88f, 0.92f, 0.97f}, Surface::kAir).sheer(0.7f));
    }
  if (setting.weather == Weather::kSnow)
    for (int i = random.whole(45, 75); i > 0; --i)
      sketch.disc({random.unit(), random.unit()}, random.real(0.005f, 0.012f), Paint({1, 1, 1}, Surface::kAir));
  if (setting.weather == Weather::kFog)
    for (const float height : {1.1f, 0.75f, 0.5f, 0.35f})
      sketch.ridge(hills(random, height, 0.03f, 12),
                   Paint({0.88f, 0.89f, 0.89f}, Surface::kAir).sheer(random.real(0.16f, 0.24f)));
}

}  // namespace easel::synth
