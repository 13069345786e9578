/// <reference types="vite/client" />

interface ImportMetaEnv {
  /** Address of the API, without a slash at the end; fixed when the site is built. */
  readonly VITE_API_URL?: string;
}
