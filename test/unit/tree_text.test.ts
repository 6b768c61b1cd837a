import { spawnSync } from 'node:child_process';
import { parse as parseDot } from '@ts-graphviz/ast';
import { cast, parse as parseNewick } from 'newick';
import { describe, expect, it } from 'vitest';
import { forestOf, groupsAt } from '../../lib/herm/forest.ts';
import { allocateTree, type MergeTree } from '../../lib/herm/tree.ts';
import { drawTree, treeDot, treeNewick, treeNodes } from '../../lib/herm/tree_text.ts';

/** Merges slots; costs may fall from one merge to the next. */
function treeOf(neurons: number, merges: readonly (readonly [number, number, number])[]): MergeTree {
  const tree = allocateTree(neurons, merges.length);
  for (const [t, [i, j, cost]] of merges.entries()) {
    tree.pairs.set([i, j], 2 * t);
    tree.cost[t] = cost;
  }
  return tree;
}

/** ((1, 3), 2) and (0, 4): two roots of five neurons. */
const tree = treeOf(5, [
  [1, 3, 0.5],
  [0, 4, 3],
  [1, 2, 0.25],
]);
const chain = treeOf(
  20_000,
  Array.from({ length: 19_999 }, (_, t) => [0, t + 1, t] as const),
);
const HOSTILE = 'a"b\\ -> c</x>\n{}';

describe('text of hierarchies', () => {
  it('as nodes goes from the roots down, to a depth', () => {
    expect(treeNodes(tree)).toEqual([
      { node: 6, neurons: 2, cost: 3, children: [0, 4] },
      { node: 0, neurons: 1 },
      { node: 4, neurons: 1 },
      { node: 7, neurons: 3, cost: 0.25, children: [5, 2] },
      { node: 5, neurons: 2, cost: 0.5, children: [1, 3] },
      { node: 1, neurons: 1 },
      { node: 3, neurons: 1 },
      { node: 2, neurons: 1 },
    ]);
    expect(treeNodes(tree, { depth: 1 }).filter(({ neurons }) => neurons > 1)).toEqual([
      { node: 6, neurons: 2, cost: 3, children: [0, 4] },
      { node: 7, neurons: 3, cost: 0.25, children: [5, 2] },
      { node: 5, neurons: 2, cost: 0.5 },
    ]);
  });

  it('in Newick has the neurons as leaves, and leaves lie equally deep below their root', () => {
    const lines = treeNewick(tree).trimEnd().split('\n');
    const leaf = (name: string, length: number) => ({ name, length });
    expect(lines.map((line) => cast(parseNewick(line)))).toEqual([
      { name: 'm1', branchset: [leaf('0', 3), leaf('4', 3)] },
      {
        name: 'm2',
        branchset: [{ name: 'm0', length: 0, branchset: [leaf('1', 0.5), leaf('3', 0.5)] }, leaf('2', 0.5)],
      },
    ]);
    expect(treeNewick(tree, { depth: 1 })).toBe('(0:3,4:3)m1;\n(m0:0,2:0.5)m2;\n');
  });

  it('for Graphviz is one graph whatever the name, with an edge a child', () => {
    const text = treeDot(HOSTILE, tree);
    const [graph, ...others] = parseDot(text).children;
    expect(others).toEqual([]);
    if (graph?.type !== 'Graph') throw new Error(`not a graph: ${graph?.type}`);
    expect(graph.id).toMatchObject({ value: 'a"b\\\\ -> c</x>\\n{}', quoted: true });
    const edges = graph.children.filter(({ type }) => type === 'Edge');
    expect(edges).toHaveLength(6);
  });

  it('is what Graphviz itself reads, where it is installed', () => {
    const found = spawnSync('dot', ['-Tplain'], { input: treeDot(HOSTILE, tree), encoding: 'utf8' });
    if (found.error !== undefined) return expect((found.error as NodeJS.ErrnoException).code).toBe('ENOENT');
    expect(found.stderr).toBe('');
    expect(found.stdout.match(/^node /gm)).toHaveLength(8);
    expect(found.stdout.match(/^edge /gm)).toHaveLength(6);
  });

  it('as a drawing has the larger child first', () => {
    const style = { branch: '+ ', corner: '` ', line: '| ', more: '…' };
    expect(drawTree(tree, style, String)).toBe(
      [
        '2 neurons, cost 3',
        '+ neuron 0',
        '` neuron 4',
        '3 neurons, cost 0.25',
        '+ 2 neurons, cost 0.5',
        '| + neuron 1',
        '| ` neuron 3',
        '` neuron 2',
      ].join('\n'),
    );
    expect(drawTree(tree, style, String, { depth: 1 }).split('\n')[4]).toBe('+ 2 neurons, cost 0.5 …');
  });

  it('does not mind hierarchies that are one long chain', () => {
    expect(treeNodes(chain)).toHaveLength(39_999);
    expect(treeDot('chain', chain).match(/->/g)).toHaveLength(39_998);
    const newick = treeNewick(chain);
    expect(newick.startsWith('('.repeat(19_999))).toBe(true);
    expect(
      drawTree(chain, { branch: '+', corner: '`', line: '|', more: '…' }, String, { depth: 3 }).split('\n'),
    ).toHaveLength(7);
  });
});

it('groups at a width are those after m − k merges', () => {
  const forest = forestOf(tree);
  expect([...groupsAt(forest, 5)]).toEqual([0, 1, 2, 3, 4]);
  expect([...groupsAt(forest, 4)]).toEqual([0, 5, 2, 5, 4]);
  expect([...groupsAt(forest, 2)]).toEqual([6, 7, 7, 7, 6]);
});
