ALTER TABLE `town` ADD `origin` text;--> statement-breakpoint
ALTER TABLE `town` ADD `fenced` integer DEFAULT 0 NOT NULL;