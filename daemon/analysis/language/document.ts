// One text with everything that language features ask of it, each made when it is first asked for: syntax, lines,
// names, and (through the model that the text states or was printed from) inferred types and costs.

import { breathing, type Task } from '../../base/task';
import type { GraphSyntax, TextSyntax } from '../../onnx/text/syntax';
import { parseText } from '../../onnx/text/parseText';
import type { Model } from '../../ir/model';
import type { InferredGraph } from '../shapes';
import { Lines } from './lines';
import { bodiesIn, resolveNames, resolvingNames, type Names } from './resolve';

/** What a model adds to its text. */
export interface ModelFacts {
  readonly model: Model;
  /** Types of the graph that the text starts with; undefined where there is none. */
  readonly inferred: InferredGraph | undefined;
  /** Multiply-accumulates of each node of the main graph, when the text shows it; batch 1 where it is free. */
  readonly macs: readonly (number | null)[];
}

export class LanguageDocument {
  private linesMade: Lines | undefined;
  private namesMade: Names | undefined;
  private factsMade: Promise<ModelFacts | undefined> | undefined;
  private inferredMade: Map<GraphSyntax, InferredGraph> | undefined;

  /** `facts` is asked once, when a feature first needs types. */
  constructor(
    readonly uri: string,
    readonly text: string,
    private readonly findFacts: (document: LanguageDocument) => Promise<ModelFacts | undefined>,
    /** Where it is known already. */
    readonly syntax: TextSyntax = parseText(text),
  ) {}

  get lines(): Lines {
    return (this.linesMade ??= new Lines(this.text));
  }

  get names(): Names {
    return (this.namesMade ??= resolveNames(this.syntax));
  }

  /** Makes the names in steps, so that asking for them takes no time. */
  async prepare(task: Task): Promise<void> {
    this.namesMade ??= await breathing(resolvingNames(this.syntax), task);
  }

  facts(): Promise<ModelFacts | undefined> {
    return (this.factsMade ??= this.findFacts(this));
  }

  /** The types of one graph of the text. */
  async inferred(graph: GraphSyntax): Promise<InferredGraph | undefined> {
    const facts = await this.facts();
    if (!this.inferredMade) {
      this.inferredMade = new Map();
      const root = this.syntax.graph ?? this.syntax.functions[0];
      if (root && facts?.inferred) pairBodies(root, facts.inferred, this.inferredMade);
    }
    return this.inferredMade.get(graph);
  }
}

/** Graphs of the text and of the model are the same in the same order. */
function pairBodies(
  syntax: GraphSyntax,
  inferred: InferredGraph,
  found: Map<GraphSyntax, InferredGraph>,
): void {
  found.set(syntax, inferred);
  syntax.nodes.forEach((node, index) => {
    const bodies = node.attributes.flatMap((each) => bodiesIn(each.value));
    const models = inferred.nodes[index] && inferred.bodies.get(inferred.nodes[index]);
    if (bodies.length === 0 || !models) return;
    bodies.forEach((body, at) => {
      const other = models[at];
      if (other && other.nodes.length === body.nodes.length) pairBodies(body, other, found);
    });
  });
}
