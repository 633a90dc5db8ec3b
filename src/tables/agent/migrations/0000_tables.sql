CREATE TABLE `checkpoints` (
	`seq` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`bead` text NOT NULL,
	`at` integer NOT NULL,
	`generation` integer NOT NULL,
	`head` text,
	`data` text NOT NULL
);
--> statement-breakpoint
CREATE INDEX `checkpoints_by_bead` ON `checkpoints` (`bead`,`seq`);--> statement-breakpoint
CREATE TABLE `recovered` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`recoveryId` text,
	`generation` integer NOT NULL,
	`bead` text NOT NULL,
	`at` integer NOT NULL,
	`report` text NOT NULL
);
--> statement-breakpoint
CREATE TABLE `snapshots` (
	`generation` integer NOT NULL,
	`seq` integer NOT NULL,
	`snapshot` text NOT NULL,
	`pinned` integer DEFAULT false NOT NULL,
	PRIMARY KEY(`generation`, `seq`)
);
