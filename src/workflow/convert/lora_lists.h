// rgthree-comfy's node that holds any number of LoRAs.
#pragma once

#include "workflow/convert/graph.h"
#include "workflow/prompt.h"
#include "workflow/schema.h"

namespace easel::workflow {

// Puts a chain of LoraLoader (LoraLoaderModelOnly where no text encoder is linked) in the place of each "Power Lora
// Loader (rgthree)", one for each LoRA that is on and has a strength. Without any, what comes in is handed on. A file
// is looked for under the name that the node has. Nothing happens when the table knows the class.
void take_apart_lora_lists(Prompt& prompt, const NodeTable& table);

// The LoRAs that the editor's form of such a node holds, as the inputs lora_1, lora_2, ... of its prompt form; nothing
// for other nodes.
void add_lora_list(const GraphNode& node, PromptNode& out);

}  // namespace easel::workflow
