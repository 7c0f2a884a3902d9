// What was done to a graph: its states, one after the other. Pure.

const MOST = 100;

export class Past {
  private states: string[] = [];
  private at = -1;

  /** Begins anew with a state that cannot be undone. */
  begin(state: string): void {
    this.states = [state];
    this.at = 0;
  }

  /** Takes in the state after something was done; what had been undone is then gone. False when nothing changed. */
  note(state: string): boolean {
    if (this.states[this.at] === state) return false;
    this.states = [...this.states.slice(0, this.at + 1), state].slice(-MOST);
    this.at = this.states.length - 1;
    return true;
  }

  get canUndo(): boolean {
    return this.at > 0;
  }
  get canRedo(): boolean {
    return this.at < this.states.length - 1;
  }

  undo(): string | undefined {
    return this.canUndo ? this.states[--this.at] : undefined;
  }

  redo(): string | undefined {
    return this.canRedo ? this.states[++this.at] : undefined;
  }

  /** The state as it is once it has been shown: what it is made of may be written in another way. */
  settle(state: string): void {
    if (this.at >= 0) this.states[this.at] = state;
  }
}
