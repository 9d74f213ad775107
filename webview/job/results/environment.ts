// Where and how it was measured: every number depends on it.

import { html, type TemplateResult } from 'lit';
import { bytes, plural, three } from '../../ui/format';
import { visible } from '../../ui/text';
import type { Benchmarked } from './benchmark';
import { factList, fold, type Fact } from './facts';

export function environmentParts({ machine, environment, results }: Benchmarked): TemplateResult {
  if (machine === undefined) return html``;
  const facts: Fact[] = [
    { name: 'Processor', value: visible(machine.cpu) },
    {
      name: 'Cores',
      value: `${plural(machine.cores, 'core')}${environment?.cpuQuota == null ? '' : `, ${three(environment.cpuQuota)} allowed by the container`}`,
    },
    { name: 'Vector extensions', value: visible(machine.instructionSets.join(', ') || 'none that matter') },
    { name: 'Memory', value: bytes(machine.memoryBytes) },
    {
      name: 'Software',
      value: visible(`ONNX Runtime ${machine.onnxruntime}, Node ${machine.node}, ${machine.platform}`),
    },
  ];
  if (environment !== undefined) {
    facts.push({
      name: 'Measured',
      value: visible(environment.at.replace('T', ' ').replace(/\..*/, ' UTC')),
    });
    facts.push({ name: 'Kernel', value: visible(environment.kernel) });
    if (environment.affinity !== null)
      facts.push({ name: 'May run on', value: visible(environment.affinity) });
    if (environment.governor !== null)
      facts.push({ name: 'Clock policy', value: visible(environment.governor) });
    if (environment.loadAverage !== null)
      facts.push({ name: 'Load before', value: three(environment.loadAverage) });
    const variables = Object.entries(environment.variables);
    if (variables.length > 0)
      facts.push({
        name: 'Variables',
        value: visible(variables.map(([name, value]) => `${name}=${value}`).join(', ')),
      });
  }
  const assumed = Object.entries(results[0]?.assumed ?? {});
  if (assumed.length > 0)
    facts.push({
      name: 'Assumed',
      value: visible(assumed.map(([name, value]) => `${name} = ${value}`).join(', ')),
    });
  const short = [machine.cpu, plural(machine.cores, 'core'), `ONNX Runtime ${machine.onnxruntime}`].join(
    ' · ',
  );
  return html`<div class="environment">${fold(`Measured on ${visible(short)}`, factList(facts))}</div>`;
}
