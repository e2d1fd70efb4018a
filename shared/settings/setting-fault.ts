export interface SettingFault {
  /** The setting's name, or the flag or variable that names none. */
  readonly name: string;
  readonly message: string;
}
