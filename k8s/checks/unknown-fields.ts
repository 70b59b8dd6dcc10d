import ts from 'typescript';
import { moduleOf } from './validate.js';
import type { Resource } from './resource.js';

const FILE = `${process.cwd()}/k8s/checks/rendered.ts`;

/**
 * Fields that no schema knows, such as misspelled ones. A schema of Kubernetes lets them pass, as the API server drops them; so each
 * resource is written as a literal, and the compiler compares it with the interface of its kind. Returns one line per mistake.
 */
export function unknownFields(resources: readonly Resource[]): string[] {
  const typed = resources.filter((resource) => moduleOf(resource) !== undefined);
  const statements = typed.map(
    (resource) =>
      `(${JSON.stringify(resource)}) satisfies import('${moduleOf(resource)}').I${resource.kind}; // ${resource.kind} ${resource.metadata.name}`,
  );
  const lines = ['export {};', ...statements];
  const options: ts.CompilerOptions = {
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    target: ts.ScriptTarget.ES2024,
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    types: [],
  };
  const host = ts.createCompilerHost(options);
  const { readFile, fileExists } = host;
  host.readFile = (path) => (path === FILE ? lines.join('\n') : readFile(path));
  host.fileExists = (path) => path === FILE || fileExists(path);
  const program = ts.createProgram([FILE], options, host);
  return ts.getPreEmitDiagnostics(program).map(({ file, start, messageText }) => {
    const line = file && start !== undefined ? lines[file.getLineAndCharacterOfPosition(start).line] : undefined;
    return `${line?.split('; // ').at(-1) ?? 'k8s'}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
  });
}
