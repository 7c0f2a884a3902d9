#include "synth/drawings/drawing.h"

#include <array>
#include <vector>

#include "base/error.h"
#include "synth/drawings/scene.h"
#include "synth/drawings/style.h"

namespace easel::synth {
namespace {

enum class Ground { kLand, kWater, kAir, kTable, kFloor, kUnderwater, kBust };

struct Kind {
  std::string_view word;
  Subject (*draw)(Sketch&, Random&, const Frame&);
  Ground on;
  float height;  // of one unit, in the picture
  float reach;   // how far it goes to each side, in units
};

constexpr std::array<Kind, 12> kKinds{{
    {"lighthouse", draw_lighthouse, Ground::kWater, 0.66f, 0.42f},
    {"boat", draw_boat, Ground::kWater, 0.62f, 0.46f},
    {"house", draw_house, Ground::kLand, 0.62f, 0.46f},
    {"tree", draw_tree, Ground::kLand, 0.68f, 0.36f},
    {"car", draw_car, Ground::kLand, 0.56f, 0.70f},
    {"balloon", draw_balloon, Ground::kAir, 0.62f, 0.38f},
    {"mushroom", draw_mushroom, Ground::kLand, 0.52f, 0.46f},
    {"bowl", draw_bowl, Ground::kTable, 0.58f, 0.60f},
    {"flowers", draw_flowers, Ground::kTable, 0.66f, 0.44f},
    {"cat", draw_cat, Ground::kFloor, 0.62f, 0.44f},
    {"portrait", draw_portrait, Ground::kBust, 0.86f, 0.45f},
    {"fish", draw_fish, Ground::kUnderwater, 0.62f, 0.64f},
}};

constexpr auto kSubjects = [] {
  std::array<std::string_view, kKinds.size()> words;
  for (size_t i = 0; i < words.size(); ++i) words[i] = kKinds[i].word;
  return words;
}();

// The place below a thing in the air.
std::string seen_from_above(const std::string& place) {
  if (place == "sea") return "over the sea";
  if (place == "town") return "over a city";
  if (place == "meadow") return "over a field";
  if (place == "desert") return "over the desert";
  return place == "hills" ? "over hills" : "over mountains";
}

Setting draw_behind(Sketch& sketch, Random& random, const Kind& kind, Hour hour) {
  switch (kind.on) {
    case Ground::kWater:
      if (kind.word == "lighthouse") {
        Setting setting = draw_outdoors(sketch, random, hour, {"sea"});
        setting.phrase = random.pick({"by the sea", "on the coast"});
        return setting;
      }
      return draw_outdoors(sketch, random, hour, {"sea", "sea", "lake"});
    case Ground::kAir: {
      Setting setting = draw_outdoors(sketch, random, hour, {"hills", "mountains", "meadow", "town", "desert", "sea"});
      setting.phrase = seen_from_above(setting.word);
      return setting;
    }
    case Ground::kTable: return draw_indoors(sketch, random, true, hour);
    case Ground::kBust: return draw_indoors(sketch, random, false, hour);
    case Ground::kUnderwater: return draw_underwater(sketch, random);
    case Ground::kFloor:
      if (random.chance(0.55f)) return draw_indoors(sketch, random, true, hour);
      return draw_outdoors(sketch, random, hour, {"meadow", "hills", "town"});
    case Ground::kLand: break;
  }
  if (kind.word == "mushroom") return draw_outdoors(sketch, random, hour, {"forest", "meadow", "hills"});
  return draw_outdoors(sketch, random, hour, {"hills", "mountains", "meadow", "town", "desert", "forest"});
}

struct Place {
  Frame frame;
  std::string size, side;  // "small", "large"; "on the left"; or empty
};

// `small`: whether a small size may be chosen; in some styles small things are hard to recognise.
Place place(Random& random, const Kind& kind, const Setting& setting, bool small) {
  Place out;
  float size = random.real(0.85f, 1.08f);
  const float at = random.unit();
  if (small && kind.on != Ground::kBust && at < 0.2f) {
    size = random.real(0.48f, 0.60f);
    out.size = "small";
  }
  if (kind.on != Ground::kBust && at > 0.85f) {
    size = random.real(1.25f, 1.4f);
    out.size = "large";
  }
  out.frame.scale = kind.height * size;
  const float reach = kind.reach * out.frame.scale;
  float x = 0.5f + random.real(-0.05f, 0.05f);
  if (reach < 0.31f && random.chance(0.4f)) {
    const bool left = random.chance(0.5f);
    x = random.real(std::max(0.22f, reach), 0.32f);
    if (!left) x = 1 - x;
    out.side = left ? "on the left" : "on the right";
  }
  float foot = setting.ground - random.real(0.03f, 0.12f);
  if (kind.on == Ground::kBust) foot = random.real(-0.06f, 0.0f);
  if (kind.on == Ground::kWater) foot = setting.ground - random.real(0.05f, 0.16f);
  if (kind.on == Ground::kTable || (kind.on == Ground::kFloor && !setting.outdoors))
    foot = setting.ground - random.real(0.02f, 0.09f);
  if (kind.on == Ground::kUnderwater) foot = random.real(0.46f, 0.56f) - 0.5f * out.frame.scale;
  if (kind.on == Ground::kAir) foot = std::max(0.10f, random.real(0.90f, 0.97f) - out.frame.scale);
  if (kind.on != Ground::kAir && kind.on != Ground::kUnderwater) foot = std::max(foot, -0.06f);
  out.frame.foot = {x, 1 - foot};
  out.frame.mirrored = random.chance(0.5f);
  return out;
}

std::string hour_phrase(Random& random, Hour hour) {
  switch (hour) {
    case Hour::kDay: return "";
    case Hour::kSunset: return random.pick({"at sunset", "in the evening sun"});
    case Hour::kDusk: return "at dusk";
    case Hour::kNight: return "at night";
  }
  return "";
}

std::string weather_phrase(Random& random, const Setting& setting) {
  if (!setting.outdoors) return "";
  switch (setting.weather) {
    case Weather::kClear: return setting.hour == Hour::kDay && random.chance(0.5f) ? "under a clear sky" : "";
    case Weather::kClouds: return random.pick({"under a cloudy sky", "with clouds"});
    case Weather::kRain: return random.pick({"in the rain", "on a rainy day"});
    case Weather::kSnow: return random.pick({"in the snow", "in falling snow", "in winter"});
    case Weather::kFog: return random.pick({"in fog", "in the mist"});
  }
  return "";
}

std::string style_phrase(Random& random, DrawingStyle style) {
  switch (style) {
    case DrawingStyle::kFlat: return random.pick({"flat illustration", "flat design", "vector illustration"});
    case DrawingStyle::kInk: return random.pick({"ink drawing", "ink sketch", "pen and ink"});
    case DrawingStyle::kWatercolour: return random.pick({"watercolour", "watercolor painting", "watercolour painting"});
    case DrawingStyle::kPixel: return random.pick({"pixel art", "8-bit pixel art"});
    case DrawingStyle::kNight: return random.pick({"night scene", "night picture"});
    case DrawingStyle::kPastel: return random.pick({"pastel drawing", "soft pastel", "chalk pastel"});
  }
  return "";
}

std::string caption(Random& random, DrawingStyle style, const Subject& subject, const Setting& setting,
                    const Place& place) {
  const bool plural = subject.word == "flowers", bust = subject.word == "portrait";
  std::string noun = subject.noun;
  if (random.chance(0.12f)) noun = subject.word == "bowl" ? "bowl of fruit" : bust ? "person" : subject.word;
  if (!place.size.empty() && random.chance(0.8f)) noun = place.size + " " + noun;
  std::string text = plural ? noun : with_article(noun);
  if (bust) text = "portrait of " + text;
  for (const std::string& detail : subject.details)
    if (random.chance(0.7f)) text += " " + detail;
  if (!place.side.empty() && random.chance(0.7f)) text += " " + place.side;
  std::vector<std::string> more{setting.phrase, hour_phrase(random, setting.hour), weather_phrase(random, setting)};
  if (random.chance(0.3f)) std::swap(more[0], more[1]);
  for (const std::string& phrase : more)
    if (!phrase.empty() && random.chance(0.75f)) text += (random.chance(0.2f) ? ", " : " ") + phrase;
  if (!random.chance(0.85f)) return text;
  const std::string manner = style_phrase(random, style);
  if (random.chance(0.6f)) return text + ", " + manner;
  if (manner == "pixel art" || manner == "pen and ink" || manner == "flat design" || manner.starts_with("8") ||
      manner.starts_with("soft") || bust)
    return manner + ", " + text;
  return with_article(manner) + " of " + text;
}

std::string_view hour_word(Hour hour) {
  constexpr std::array<std::string_view, 4> kWords{"day", "sunset", "dusk", "night"};
  return kWords[static_cast<size_t>(hour)];
}

std::string_view weather_word(Weather weather) {
  constexpr std::array<std::string_view, 5> kWords{"clear", "clouds", "rain", "snow", "fog"};
  return kWords[static_cast<size_t>(weather)];
}

}  // namespace

std::span<const std::string_view> drawing_subjects() { return kSubjects; }

Drawing draw(uint64_t seed, uint64_t number, int side) {
  if (side < 16 || side > 1024)
    throw Error(Fault::kInvalid, "a drawing of side " + std::to_string(side)).fix("Choose 16 to 1024 pixels");
  Random random(seed, number);
  const Kind& kind = kKinds[static_cast<size_t>(random.index(static_cast<int>(kKinds.size())))];
  DrawingStyle style = static_cast<DrawingStyle>(random.index(kDrawingStyles));
  if (style == DrawingStyle::kNight && kind.on == Ground::kUnderwater) style = DrawingStyle::kFlat;
  Hour hour = Hour::kDay;
  if (const float at = random.unit(); at > 0.55f) hour = at > 0.78f ? Hour::kDusk : Hour::kSunset;
  if (kind.on == Ground::kTable || kind.on == Ground::kBust || kind.on == Ground::kUnderwater) hour = Hour::kDay;
  if (style == DrawingStyle::kNight) hour = Hour::kNight;

  Sketch sketch;
  const Setting setting = draw_behind(sketch, random, kind, hour);
  const Place where = place(random, kind, setting, style != DrawingStyle::kPixel);
  const Subject subject = kind.draw(sketch, random, where.frame);
  draw_weather(sketch, random, setting);

  Drawing out;
  out.rgb = render(sketch, style, side, random.bits());
  out.caption = caption(random, style, subject, setting, where);
  out.style = style_name(style);
  out.subject = subject.word;
  out.colour = subject.colour;
  out.place = setting.word;
  out.hour = hour_word(setting.hour);
  if (setting.outdoors) out.weather = weather_word(setting.weather);
  return out;
}

}  // namespace easel::synth
