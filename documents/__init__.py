"""Paper: official documents, workbooks and pictures. No models here, and nothing of the other apps is known."""
