// /fleet: the runners for people; messages and contents for runners and other front ends.
#pragma once

#include "server/fleet/front.h"
#include "server/fleet/site.h"
#include "server/routes/services.h"

namespace easel::server {

// {"runners": [...], "front_ends": [...], "waiting": {"id": "no runner has ..."}}: of a fleet, or of this server alone.
// `front` and `site` are null where there is no fleet, and otherwise outlive the router.
void add_fleet_routes(Router& router, Services& services, Front* front, Site* site);

}  // namespace easel::server
