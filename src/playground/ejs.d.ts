/** The part of `ejs` that the playground uses; the package ships no types. */
declare module 'ejs' {
  interface CompileOptions {
    /** Names the template in errors and resolves its includes. */
    readonly filename?: string;
    /** `false` keeps the template from using `with`; values are then reached through `localsName`. */
    readonly _with?: boolean;
    readonly localsName?: string;
  }
  type Template = (values: object) => string;
  const ejs: { compile(template: string, options?: CompileOptions): Template };
  export default ejs;
}
