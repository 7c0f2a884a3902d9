#include "server/routes/technique_routes.h"

#include "techniques/techniques.h"
#include "workflow/json.h"

namespace easel::server {

void add_technique_routes(Router& router, TaskPool& pool, engine::Engine& engine) {
  router.add("GET", "/easel/techniques", pool.handler([&engine](Request&) {
    workflow::Json out = workflow::Json::array();
    for (const auto& technique : techniques::available(engine)) out.push_back(to_json(technique));
    return Response::json(workflow::dump_json(out));
  }));
}

}  // namespace easel::server
