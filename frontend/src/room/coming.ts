/** Commands that the server's half does not offer yet; goes when they are generated. */
export {};

declare module './commands.generated' {
  interface Commands {
    'guest.eject': { guest: Id };
  }
}
