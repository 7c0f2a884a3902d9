// GET /easel/techniques: the project's own workflows with the model files at hand, for the page.
#pragma once

#include "engine/engine.h"
#include "server/http/http.h"
#include "server/http/task_pool.h"

namespace easel::server {

// The engine and the pool outlive the router.
void add_technique_routes(Router& router, TaskPool& pool, engine::Engine& engine);

}  // namespace easel::server
