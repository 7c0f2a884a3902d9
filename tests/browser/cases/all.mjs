import { faults } from './faults.mjs';
import { firstPicture } from './first_picture.mjs';
import { graph } from './graph.mjs';
import { jobFails } from './job_fails.mjs';
import { keyboard } from './keyboard.mjs';
import { names } from './names.mjs';
import { paste } from './paste.mjs';
import { phone } from './phone.mjs';
import { queue } from './queue.mjs';
import { reload } from './reload.mjs';
import { restore } from './restore.mjs';
import { secondTab } from './second_tab.mjs';
import { serverAway } from './server_away.mjs';
import { strip } from './strip.mjs';
import { token } from './token.mjs';

export const cases = [
  firstPicture,
  faults,
  jobFails,
  reload,
  secondTab,
  strip,
  queue,
  paste,
  restore,
  graph,
  serverAway,
  token,
  keyboard,
  phone,
  names,
];
