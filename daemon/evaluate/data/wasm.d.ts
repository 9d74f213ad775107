// WebAssembly files that the bundler puts into a script as bytes, and the little of the language's own types that is
// used; they come with the browser's library, which the daemon does not have.

declare module '*.wasm' {
  const bytes: Uint8Array;
  export default bytes;
}

declare namespace WebAssembly {
  interface Module {
    readonly __module: never;
  }
  function compile(bytes: Uint8Array): Promise<Module>;
}
