/** Values by the names of options; an empty value: the option is given without one. */
export type ChosenOptions = Readonly<Record<string, string>>
