import { firstPicture } from './first_picture.mjs';
import { faults } from './faults.mjs';
import { graph } from './graph.mjs';
import { names } from './names.mjs';
import { queue } from './queue.mjs';
import { reload } from './reload.mjs';
import { restore } from './restore.mjs';
import { secondTab } from './second_tab.mjs';
import { serverAway } from './server_away.mjs';
import { strip } from './strip.mjs';

export const cases = [firstPicture, faults, reload, secondTab, strip, queue, restore, graph, serverAway, names];
