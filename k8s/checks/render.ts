import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parseAllDocuments } from 'yaml';
import type { Resource } from './resource.js';

const KUSTOMIZE = 'registry.k8s.io/kustomize/kustomize:v5.7.1';
const COMPONENTS: Record<string, readonly string[]> = {
  rabbitmq: ['keda-rabbitmq', 'monitoring'],
  kafka: ['keda-kafka', 'monitoring'],
};

/** All that can be applied: each overlay, and those with optional components once more with all of them. */
export const variants = ['dev', 'rabbitmq', 'rabbitmq-with-options', 'kafka', 'kafka-with-options'] as const;
export type Variant = (typeof variants)[number];

/** What `kubectl apply -k` would apply, with the secrets of the example file. Reads nothing but files that are in git. */
export async function renderAll(): Promise<Record<Variant, Resource[]>> {
  const folder = await mkdtemp(join(tmpdir(), 'farandole-k8s-'));
  try {
    await cp('k8s', join(folder, 'k8s'), { recursive: true, filter: (path) => !path.endsWith('secrets.env') });
    await cp('docker', join(folder, 'docker'), { recursive: true });
    const secrets = join(folder, 'k8s/components/secrets/secrets.env');
    await cp(`${secrets}.example`, secrets);
    await addOptions(folder);
    const rendered = await Promise.all(variants.map(async (name) => [name, await render(folder, name)] as const));
    return Object.fromEntries(rendered) as Record<Variant, Resource[]>;
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function addOptions(folder: string): Promise<void> {
  for (const [overlay, names] of Object.entries(COMPONENTS)) {
    const path = join(folder, `k8s/overlays/${overlay}-with-options`);
    await mkdir(path);
    const components = names.map((name) => `../../components/${name}`);
    await writeFile(
      join(path, 'kustomization.yaml'),
      JSON.stringify({ kind: 'Kustomization', resources: [`../${overlay}`], components }),
    );
  }
}

async function render(folder: string, name: Variant): Promise<Resource[]> {
  const arguments_ = ['run', '--rm', '--volume', `${folder}:/repository:ro`, KUSTOMIZE];
  const { stdout } = await promisify(execFile)('docker', [...arguments_, 'build', `/repository/k8s/overlays/${name}`], {
    maxBuffer: 16 * 1024 * 1024,
  });
  return parseAllDocuments(stdout).map((document) => inOneLine(document.toJS() as Resource));
}

/** Kustomize breaks long base64 into lines. The API server takes them, the schema's format `byte` does not. */
function inOneLine(resource: Resource): Resource {
  if (resource.kind !== 'Secret') return resource;
  const data = Object.entries(resource.data ?? {}).map(([key, value]) => [key, value.replaceAll('\n', '')]);
  return { ...resource, data: Object.fromEntries(data) as Record<string, string> };
}
