// Server nodes of rgthree-comfy and ComfyUI-Custom-Scripts that compute nothing: switches between links, bundles of
// links, seeds.
#pragma once

#include "workflow/prompt.h"
#include "workflow/schema.h"

namespace easel::workflow {

// Takes these nodes out of a prompt and links what they were between directly: "Any Switch (rgthree)" passes on its
// first input that has something, "Context (rgthree)" and its kin hand through what is linked to them, by name, and
// "Seed (rgthree)" and "Seed Everywhere" are numbers, of which -1, -2 and -3 stand for one that follows from the node's
// id. Nothing happens to classes that the table knows.
void take_out_switches(Prompt& prompt, const NodeTable& table);

}  // namespace easel::workflow
