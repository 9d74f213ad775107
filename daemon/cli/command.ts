// What a command of the command line is, and what it hands back to be printed.

import type { Task } from '../base/task';
import type { CommandSpec, ParsedArgs } from './args';

export interface CommandContext {
  /** Reports go to the progress bar; Ctrl-C sets the signal. */
  readonly task: Task;
  readonly json: boolean;
  /** Something that the user should know and that is no result; goes to standard error. */
  readonly note: (message: string) => void;
}

export interface Outcome {
  /** The JSON document; its field names are a contract. */
  readonly result: unknown;
  /** The same for people. */
  readonly text: string;
  /** 1 when a gate did not hold, with the sentence that says so. */
  readonly failed?: string;
}

export interface Command {
  readonly spec: CommandSpec;
  /** Runs its models in the command's own process: quicker and in less memory, for what is not measured. */
  readonly oneProcess?: boolean;
  /** Does the work; throws a SlipwayError or a UsageError. */
  run(args: ParsedArgs, context: CommandContext): Promise<Outcome>;
}

/** A command that keeps the terminal, prints by itself and listens to signals itself; resolves to the exit code. */
export interface ForegroundCommand {
  readonly spec: CommandSpec;
  runInForeground(args: ParsedArgs, json: boolean): Promise<number>;
}
