// The Dockerfile and the compose file, as far as they can be checked without a container engine. npm run test:packages
// runs the steps of the Dockerfile.
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, it } from 'vitest';
import { readDockerfile } from '../support/dockerfile.ts';

const project = resolve(import.meta.dirname, '../..');
const stages = readDockerfile(resolve(project, 'packaging/Dockerfile'));
const compose = readFileSync(resolve(project, 'packaging/compose.yaml'), 'utf8');
const ignored = readFileSync(resolve(project, '.dockerignore'), 'utf8').split('\n');

it('the Dockerfile takes its base image from one build argument', () => {
  expect(stages.map(({ base }) => base)).toEqual(Array(3).fill('node:22-bookworm-slim'));
});

it('the Dockerfile copies only what the context has', () => {
  const copies = stages.flatMap(({ instructions }) => instructions.filter(({ name }) => name === 'COPY'));
  const sources = copies
    .filter(({ flags }) => flags.from === undefined)
    .flatMap(({ text }) => text.split(' ').slice(0, -1));
  expect(sources.length).toBeGreaterThan(5);
  for (const source of sources) {
    expect(existsSync(resolve(project, source)), source).toBe(true);
    expect(ignored).not.toContain(source.split('/')[0]);
  }
});

it('the Dockerfile installs dependencies in a layer before the code', () => {
  for (const { name, instructions } of stages.slice(0, 2)) {
    const steps = instructions.map((step) => `${step.name} ${step.text}`);
    expect(steps[1], name).toBe('COPY package.json package-lock.json .npmrc ./');
    expect(steps[2], name).toMatch(/^RUN npm ci/);
  }
});

it('each image of the compose file has its version in a variable', () => {
  const images = [...compose.matchAll(/^ +image: (.*)$/gm)].map(([, image]) => image);
  expect(images).toHaveLength(2);
  for (const image of images) expect(image).toMatch(/^'[\w/]+:\$\{[A-Z]+_VERSION:-v?[\d.]+\}'$/);
});

it('the compose file publishes the admin port on loopback only', () => {
  const published = [...compose.matchAll(/'((?:[\d.]+:)?\d+:\d+)'/g)].map(([, port]) => port);
  expect(published.toSorted()).toEqual(
    ['127.0.0.1:3000:3000', '127.0.0.1:56791:56791', '127.0.0.1:9090:9090', '56789:56789', '56790:56790'].toSorted(),
  );
});
