// The project's own workflows as things a person may want to do: which of them the model files at hand allow, and
// with which of those files.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "workflow/json.h"
#include "workflow/prompt.h"

namespace easel::techniques {

// An input that people may adjust.
struct Knob {
  std::string node, input;
  std::string label, meaning;
  bool seed = false;
};

// An input that holds words of the prompt.
struct WordsSlot {
  std::string node, input;
};

struct PictureSlot {
  std::string node, label;  // the node is a LoadImage
};

struct Technique {
  std::string name;  // of the workflow: "img2img"
  std::string title, summary;
  std::vector<PictureSlot> pictures;
  std::vector<WordsSlot> prompts, negatives;  // where the words go: those that are wanted, those that are not
  std::vector<Knob> knobs;                    // the first ones are the technique's own
  size_t main_knob = 0;                       // the one a strip of results is made over
  workflow::Prompt prompt;                    // with the model files at hand
  std::string missing;                        // why it cannot be run here, for people; empty when it can
  bool built_in = false;                      // drawn with the models that come with the program, at their size
};

// All techniques, in the order they are shown. Files the workflows name are taken when they are there; others of the
// same kind take their place: a checkpoint by its family, an adapter, encoder or VAE when everything fits together.
// Where the files of the model folders do not allow a technique, those that came with the program
// (library/built_in.h) are taken for all of its loaders, and its result has their size; the two are never mixed.
// Files are looked at through the engine, which remembers them: a workflow that is checked and run afterwards, or the
// same question asked again, opens none of them anew.
std::vector<Technique> available(engine::Engine& engine);

// The first of the named techniques that takes so many pictures, any number when none is given, and has all its files;
// of those that come after it, no file is looked at. Built-in files count only when none has all of its files in the
// model folders. Throws Error(kMissing) saying what each lacks when none has them all, Error(kUsage) when there is none
// that takes so many pictures.
Technique first_available(engine::Engine& engine, const std::vector<std::string>& names,
                          std::optional<size_t> pictures);

bool is_technique(const std::string& name);

// The workflow of a technique as shipped. Throws Error(kMissing) naming the ones there are.
workflow::Prompt shipped_workflow(const std::string& name);

// Filling in a technique's prompt, or a copy of it. The slots are the technique's.
void set_words(workflow::Prompt& prompt, const std::vector<WordsSlot>& slots, const std::string& words);
// Names of pictures in the input folder, one for each slot; where there are fewer, the last goes into the others as
// well. At least one.
void set_pictures(workflow::Prompt& prompt, const std::vector<PictureSlot>& slots,
                  const std::vector<std::string>& names);
// Puts a number into every input of that name that is not linked, whichever node has it.
void set_number(workflow::Prompt& prompt, const std::string& input, const workflow::Json& value);

// For clients: everything above.
workflow::Json to_json(const Technique& technique);

}  // namespace easel::techniques
