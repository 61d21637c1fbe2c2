/** The types of AssemblyScript that records use, as TypeScript sees them: 32-bit words are numbers. */
declare type i32 = number;
declare type usize = number;
