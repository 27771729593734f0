"""Registration of cancers and billing of meetings: forms and codes, each with its reasons, and their files."""
