// How all commands run a workflow.
#pragma once

#include "cli/presenter.h"
#include "engine/engine.h"

namespace easel::cli {

// Shows what a check had to say, and runs what it planned; it can be interrupted (cli/interrupt.h). By default nothing
// else will be run. Outputs that cannot be run are left out, with a note, as long as others can. Throws Error(kInvalid)
// with every fault when none can, and what running throws; the presenter has shown that it failed by then.
engine::RunReport run_plan(engine::Engine& engine, engine::Plan plan, Presenter& presenter,
                           engine::RunOptions options = {.last = true});

// Checks a prompt and runs it like that.
engine::RunReport run_prompt(engine::Engine& engine, const workflow::Prompt& prompt, Presenter& presenter,
                             engine::RunOptions options = {.last = true});

}  // namespace easel::cli
