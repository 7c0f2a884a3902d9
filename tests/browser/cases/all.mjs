import { builtIn } from './built_in.mjs';
import { faults } from './faults.mjs';
import { fewSteps } from './few_steps.mjs';
import { files } from './files.mjs';
import { firstPicture } from './first_picture.mjs';
import { fleet } from './fleet.mjs';
import { formats } from './formats.mjs';
import { frame } from './frame.mjs';
import { gallery } from './gallery.mjs';
import { graph } from './graph.mjs';
import { graphEdit } from './graph_edit.mjs';
import { graphFiles } from './graph_files.mjs';
import { graphValues } from './graph_values.mjs';
import { jobFails } from './job_fails.mjs';
import { keyboard } from './keyboard.mjs';
import { looking } from './looking.mjs';
import { many } from './many.mjs';
import { mask } from './mask.mjs';
import { names } from './names.mjs';
import { paste } from './paste.mjs';
import { phone } from './phone.mjs';
import { queue } from './queue.mjs';
import { reload } from './reload.mjs';
import { restore } from './restore.mjs';
import { secondTab } from './second_tab.mjs';
import { serverAway } from './server_away.mjs';
import { strip } from './strip.mjs';
import { stubborn } from './stubborn.mjs';
import { subgraph } from './subgraph.mjs';
import { token } from './token.mjs';
import { words } from './words.mjs';

export const cases = [
  firstPicture,
  faults,
  jobFails,
  reload,
  secondTab,
  mask,
  frame,
  files,
  fewSteps,
  builtIn,
  formats,
  words,
  many,
  looking,
  gallery,
  strip,
  queue,
  paste,
  restore,
  graph,
  graphEdit,
  graphFiles,
  graphValues,
  subgraph,
  stubborn,
  serverAway,
  fleet,
  token,
  keyboard,
  phone,
  names,
];
