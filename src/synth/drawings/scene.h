// The content of a drawing, and the words for it. Every word of a caption names something visible.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "synth/drawings/random.h"
#include "synth/drawings/sketch.h"

namespace easel::synth {

// A colour and its name. The shade varies from drawing to drawing.
struct NamedColour {
  const char* word;
  Colour colour;
};
// Any of these words: red orange yellow green blue purple pink brown white black grey.
NamedColour colour_called(const char* word, Random& random);
NamedColour any_colour(Random& random, std::initializer_list<const char*> words);
// From red, orange, yellow, green, blue, purple, pink; not `but`.
NamedColour bright_colour(Random& random, const char* but = "");
inline Colour darker(Colour c, float by) { return c * (1 - by); }
inline Colour lighter(Colour c, float by) { return mix(c, {1, 1, 1}, by); }

enum class Hour { kDay, kSunset, kDusk, kNight };
enum class Weather { kClear, kClouds, kRain, kSnow, kFog };

// "a house", "an orange house".
std::string with_article(std::string_view noun);

// The surroundings of the subject, and the room for it.
struct Setting {
  std::string word;    // "sea", "mountains", "wall", ...: what the data file calls it
  std::string phrase;  // "by the sea"
  Hour hour = Hour::kDay;
  Weather weather = Weather::kClear;
  bool outdoors = true;
  float ground = 0.25f;  // height above the picture's foot at which things stand
};

// The subject as drawn.
struct Subject {
  std::string word;                  // "lighthouse"
  std::string noun;                  // "red and white lighthouse"
  std::vector<std::string> details;  // "with a blue roof"; each may be left out of a caption
  std::string colour;                // the main one
};

// Far and near ground under a sky. Each draws what is behind the subject.
Setting draw_outdoors(Sketch& sketch, Random& random, Hour hour, std::initializer_list<const char*> places);
Setting draw_indoors(Sketch& sketch, Random& random, bool table, Hour hour);
Setting draw_underwater(Sketch& sketch, Random& random);
// The weather in front of everything: rain, snow, fog.
void draw_weather(Sketch& sketch, Random& random, const Setting& setting);

// Draws the subject into `frame`, which has its foot, its height, and the direction in which it faces.
Subject draw_lighthouse(Sketch& sketch, Random& random, const Frame& frame);
Subject draw_boat(Sketch& sketch, Random& random, const Frame& frame);
Subject draw_house(Sketch& sketch, Random& random, const Frame& frame);
Subject draw_tree(Sketch& sketch, Random& random, const Frame& frame);
Subject draw_car(Sketch& sketch, Random& random, const Frame& frame);
Subject draw_balloon(Sketch& sketch, Random& random, const Frame& frame);
Subject draw_mushroom(Sketch& sketch, Random& random, const Frame& frame);
Subject draw_bowl(Sketch& sketch, Random& random, const Frame& frame);
Subject draw_flowers(Sketch& sketch, Random& random, const Frame& frame);
Subject draw_cat(Sketch& sketch, Random& random, const Frame& frame);
Subject draw_portrait(Sketch& sketch, Random& random, const Frame& frame);
Subject draw_fish(Sketch& sketch, Random& random, const Frame& frame);

}  // namespace easel::synth
