// What was done to a graph: its states, one after the other. Pure.

const MOST = 100;

interface Done {
  state: string;
  /** Where it was done: there it is also undone. */
  place: string;
}

export class Past {
  private states: Done[] = [];
  private at = -1;

  /** Begins anew with a state that cannot be undone. */
  begin(state: string, place = ''): void {
    this.states = [{ state, place }];
    this.at = 0;
  }

  /** Takes in the state after something was done; what had been undone is then gone. False when nothing changed. */
  note(state: string, place = ''): boolean {
    if (this.states[this.at]?.state === state) return false;
    this.states = [...this.states.slice(0, this.at + 1), { state, place }].slice(-MOST);
    this.at = this.states.length - 1;
    return true;
  }

  get canUndo(): boolean {
    return this.at > 0;
  }
  get canRedo(): boolean {
    return this.at < this.states.length - 1;
  }

  undo(): Done | undefined {
    if (!this.canUndo) return undefined;
    const { place } = this.states[this.at]!;
    return { state: this.states[--this.at]!.state, place };
  }

  redo(): Done | undefined {
    return this.canRedo ? this.states[++this.at] : undefined;
  }

  /** The state as it is once it has been shown: what it is made of may be written in another way. */
  settle(state: string): void {
    const now = this.states[this.at];
    if (now) this.states[this.at] = { ...now, state };
  }
}
